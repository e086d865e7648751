import { ServerClock } from '../../src/server/clock/server-clock.port.js'

/** The machine's clock, set forward by a test. */
export class ShiftedClock extends ServerClock {
  shiftSeconds = 0
  override nowMs(): number {
    return Date.now() + this.shiftSeconds * 1_000
  }
  override nowSeconds(): number {
    return Math.floor(this.nowMs() / 1_000)
  }
}
