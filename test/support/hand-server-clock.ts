import { ServerClock } from '../../src/server/clock/server-clock.port.js'

/** A clock that stands until a test sets it forward. */
export class StandingClock extends ServerClock {
  constructor(private seconds: number) {
    super()
  }
  set(seconds: number): void {
    this.seconds = seconds
  }
  pass(seconds: number): void {
    this.seconds += seconds
  }
  override nowMs(): number {
    return this.seconds * 1_000
  }
  override nowSeconds(): number {
    return this.seconds
  }
}

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
