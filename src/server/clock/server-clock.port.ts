import { Clock } from '../../domain/clock.js'

/** The domain's clock, with milliseconds for what is measured rather than decided. */
export abstract class ServerClock extends Clock {
  /** Milliseconds since the Unix epoch, whole. */
  abstract nowMs(): number
}
