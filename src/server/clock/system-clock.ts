import { ServerClock } from './server-clock.port.js'

/** The clock of the machine. */
export class SystemClock extends ServerClock {
  override nowMs(): number {
    return Date.now()
  }

  override nowSeconds(): number {
    return Math.floor(Date.now() / 1_000)
  }
}
