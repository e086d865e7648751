import { mkdirSync, readFileSync } from 'node:fs'
import { SimulatedDevice } from '../device-sim/simulated-device.js'
import type { Outcome } from '../device-sim/outcome.js'
import type { Access, Installation } from './installation.js'
import { LyingProxy } from './lying-proxy.js'
import { classIdNamed, product, vendorId } from './product.js'

/** A device that reaches the server only through a liar: the real device code, verifying with its strict implementation. */
export class Victim {
  private constructor(
    readonly name: string,
    readonly device: SimulatedDevice,
    readonly proxy: LyingProxy,
  ) {}

  static async enrol(
    installation: Installation,
    name: string,
    claim: string,
    className = 'gateway-b',
  ): Promise<Victim> {
    const proxy = await LyingProxy.start(installation.url)
    const dir = installation.folders.path('fleet', name)
    mkdirSync(dir, { recursive: true })
    const device = new SimulatedDevice({
      dir,
      serverUrl: proxy.url,
      namespace: product.namespace,
      root1: new Uint8Array(readFileSync(installation.rootFile)),
      vendorId,
      classId: classIdNamed(className),
    })
    await device.enrol(claim)
    return new Victim(name, device, proxy)
  }

  /** Polls until `isDone`, or gives up. @returns the last outcome. */
  async pollUntil(isDone: (outcome: Outcome) => boolean, limitSeconds = 60): Promise<Outcome> {
    const startedMs = performance.now()
    for (;;) {
      const outcome = await this.device.pollOnce()
      if (isDone(outcome)) return outcome
      if (performance.now() - startedMs > limitSeconds * 1_000)
        throw new Error(`${this.name} is ${outcome.state} (${outcome.code ?? 'no code'}) still after ${limitSeconds} s`)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }

  stop(): Promise<void> {
    return this.proxy.stop()
  }
}

/** A token with which devices of a class enrol. */
export async function claimToken(installation: Access, className: string, uses: number): Promise<string> {
  const [officer] = installation.people.security
  const { token } = await officer.run('device', 'claim', '--class', className, '--uses', String(uses))
  return String(token)
}
