import { Unreachable } from '../../device-sim/device-server.port.js'
import { HttpTransport } from '../../device-sim/http-transport.js'

/** The device's own transport; it notes which step was given up and why, which a device keeps to itself. */
export class WatchedTransport extends HttpTransport {
  private given: { step: number; why: string } | null = null

  /** Since it was asked before. */
  givenUp(): { step: number; why: string } | null {
    const { given } = this
    this.given = null
    return given
  }

  override poll(...args: Parameters<HttpTransport['poll']>): ReturnType<HttpTransport['poll']> {
    return this.noted(1, super.poll(...args))
  }
  override findRoot(...args: Parameters<HttpTransport['findRoot']>): ReturnType<HttpTransport['findRoot']> {
    return this.noted(2, super.findRoot(...args))
  }
  override findKrl(): ReturnType<HttpTransport['findKrl']> {
    return this.noted(6, super.findKrl())
  }
  override fetchPayload(...args: Parameters<HttpTransport['fetchPayload']>): Promise<void> {
    return this.noted(15, super.fetchPayload(...args))
  }

  private async noted<T>(step: number, call: Promise<T>): Promise<T> {
    try {
      return await call
    } catch (error) {
      if (error instanceof Unreachable) this.given = { step, why: error.message }
      throw error
    }
  }
}
