import { setTimeout as sleep } from 'node:timers/promises'
import { equalBytes, toHex } from '../src/domain/bytes.js'
import { Refusal } from '../src/domain/refusal.js'
import { payloadUri } from '../src/domain/suit/manifest.js'
import { beginBoot, confirmBoot, fallBack, forgetFallBack, otherImage, runningImage, switchTo } from './boot-record.js'
import type { DeviceEvent, Update, Why } from './device.js'
import type { DeviceMemory } from './device-memory.js'
import { Unreachable, type DeviceServer } from './device-server.port.js'
import type { Faults } from './faults.js'
import { otherSlot, type SlotImage } from './slot-image.js'
import type { Slots, SlotWriter } from './slots.js'

const SLOW_PIECE_MS = 100
const NOTHING = new Uint8Array(32)

/** Steps 15 and 16 of trust.md §5: payload, slots and boots. */
export class Installer {
  /** SHA-256 of the running slot, read back from the medium at boot; zeros for the firmware from the factory. */
  runningSha256: Uint8Array = NOTHING

  constructor(
    private readonly memory: () => DeviceMemory,
    private readonly slots: Slots,
    private readonly server: DeviceServer,
    private readonly faults: Faults,
  ) {}

  async download({ image, payloadUrls }: Update): Promise<DeviceEvent> {
    const { boot, record } = this.memory()
    const isResumed = record.partial !== null && isSameImage(record.partial, image)
    // First the slot stops being a beginning of anything, then it is emptied, then it is the new image's.
    if (!isResumed) this.memory().saveRecord({ partial: null })
    const writer = await this.slots.write(otherSlot(boot.active), image, isResumed)
    if (!isResumed) this.memory().saveRecord({ partial: image })
    try {
      if (!(await this.fetchRest(writer, image, payloadUrls))) return { happened: 'payload-interrupted' }
      await writer.finish()
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      await writer.discard()
      return { happened: 'payload-refused', why: whyOf(error, 15) }
    } finally {
      await writer.close()
    }
    this.faults.strike('payload-stored')
    return { happened: 'payload-stored' }
  }

  async verifySlot(image: SlotImage): Promise<DeviceEvent> {
    try {
      await this.slots.requireStored(otherSlot(this.memory().boot.active), image)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      this.memory().saveRecord({ partial: null })
      return { happened: 'slot-damaged', why: whyOf(error, 16) }
    }
    this.faults.strike('slot-verified')
    return { happened: 'slot-verified' }
  }

  switchSlot(image: SlotImage): void {
    this.faults.strike('before-switch')
    const { boot } = this.memory()
    this.memory().saveBoot(switchTo(boot, otherSlot(boot.active), image))
    this.faults.strike('after-switch')
  }

  /** What the boot loader does: chooses a slot, counts trials, hashes what it starts. */
  async boot(): Promise<DeviceEvent | null> {
    const begun = beginBoot(this.memory().boot)
    if (begun.record !== this.memory().boot) this.memory().saveBoot(begun.record)
    if (begun.boot === 'trial') this.faults.strike('trial-boot')
    await this.hashRunning()
    const running = runningImage(this.memory().boot)
    if (begun.boot === 'trial' && running !== null) {
      if (equalBytes(this.runningSha256, running.imageSha256)) return { happened: 'booted-on-trial', image: running }
      await this.fallBack()
    }
    this.memory().raiseInstalled()
    const failed = otherImage(this.memory().boot)
    if (this.memory().boot.fellBack && failed !== null)
      return { happened: 'booted-old', image: failed, why: healthGate('the new image did not come up') }
    const isReported = running === null || this.memory().record.confirmedDigest === toHex(running.manifestSha256)
    return isReported ? null : { happened: 'booted-confirmed', image: running }
  }

  checkHealth(): DeviceEvent {
    if (this.faults.has('unhealthy-boot'))
      return { happened: 'unhealthy', why: healthGate('the new image failed its own checks') }
    return { happened: 'healthy' }
  }

  confirm(): void {
    this.faults.strike('before-confirm')
    this.memory().saveBoot(confirmBoot(this.memory().boot))
    this.faults.strike('after-confirm')
    this.memory().raiseInstalled()
  }

  /** Back to the slot that ran before, which no update has touched since. */
  async fallBack(): Promise<void> {
    this.memory().saveBoot(fallBack(this.memory().boot))
    await this.hashRunning()
  }

  /** The fall-back was reported, so the next boot need not tell it again. */
  fallBackReported(): void {
    if (this.memory().boot.fellBack) this.memory().saveBoot(forgetFallBack(this.memory().boot))
  }

  private async hashRunning(): Promise<void> {
    const { boot } = this.memory()
    const running = runningImage(boot)
    const found = running === null ? null : await this.slots.hash(boot.active, running.imageSizeBytes + 1)
    this.runningSha256 = found ?? NOTHING
  }

  /** @returns false when no base brought the rest; what came stays for the next time. */
  private async fetchRest(writer: SlotWriter, image: SlotImage, bases: readonly string[]): Promise<boolean> {
    if (writer.storedBytes === image.imageSizeBytes) return true
    for (const base of bases) {
      try {
        await this.server.fetchPayload(base, payloadUri(image.imageSha256), writer.storedBytes, async (piece) => {
          if (this.faults.has('slow')) await sleep(SLOW_PIECE_MS)
          await writer.append(this.faults.received(piece))
        })
        return true
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error
      }
    }
    return false
  }
}

const isSameImage = (a: SlotImage, b: SlotImage): boolean =>
  equalBytes(a.imageSha256, b.imageSha256) && a.imageSizeBytes === b.imageSizeBytes

const healthGate = (why: string): Why => ({ code: 'HEALTH_GATE_FAILED', step: 16, detail: { why } })

/** @param step the step the device was in, for a refusal that does not say. */
export const whyOf = (refusal: Refusal, step: number): Why => ({
  code: refusal.code,
  step: refusal.step ?? step,
  detail: refusal.detail,
})
