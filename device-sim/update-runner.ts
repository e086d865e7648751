import { Refusal } from '../src/domain/refusal.js'
import { toHex } from '../src/domain/bytes.js'
import { react, type DeviceEffect, type DeviceEvent, type Session, type Update } from './device.js'
import type { DeviceMemory } from './device-memory.js'
import { Unreachable } from './device-server.port.js'
import { PowerCut, type Faults } from './faults.js'
import { mayInstall } from './offer-terms.js'
import { whyOf, type Installer } from './installer.js'
import { isSameAttempt, type Poller } from './poller.js'
import type { ReportDesk, Statement } from './report-desk.js'
import type { TrustDesk } from './trust-desk.js'

/** A payload that is refused this often is not fetched again under the same rollout: no download loop. */
const MOST_TRIES = 3

export interface RunnerOptions {
  readonly memory: () => DeviceMemory
  /** Throws memory away and opens the folder again. */
  readonly reopen: () => void
  readonly poller: Poller
  readonly trust: TrustDesk
  readonly installer: Installer
  readonly reports: ReportDesk
  readonly faults: Faults
  /** Called with everything the device reports, as it begins to report it. */
  readonly onReport: (statement: Statement) => void
}

/** Performs what the state machine asks for, and survives power cuts while doing so. */
export class UpdateRunner {
  private session: Session = { phase: 'idle' }
  constructor(private readonly options: RunnerOptions) {}

  get current(): Session {
    return this.session
  }

  /** From switching on to rest: finishes what a boot has to finish. */
  async powerUp(): Promise<void> {
    const event = await this.boot()
    if (event !== null) await this.run(event)
  }

  /** Polls and follows the update to where it ends, over reboots and power cuts. */
  async poll(): Promise<void> {
    await this.run({ happened: 'poll-due' })
  }

  private async run(first: DeviceEvent): Promise<void> {
    let event: DeviceEvent | null = first
    while (event !== null) {
      const { session, effects }: ReturnType<typeof react> = react(this.session, event)
      this.session = session
      try {
        event = null
        for (const effect of effects) event = (await this.perform(effect)) ?? event
      } catch (error) {
        if (!(error instanceof PowerCut)) throw error
        // Whatever was going on is gone; a device that comes up and has nothing to finish asks again.
        event = (await this.boot()) ?? { happened: 'poll-due' }
      }
    }
  }

  private async boot(): Promise<DeviceEvent | null> {
    for (;;) {
      this.options.reopen()
      this.options.poller.forget()
      this.session = { phase: 'idle' }
      try {
        return await this.options.installer.boot()
      } catch (error) {
        if (!(error instanceof PowerCut)) throw error
      }
    }
  }

  private async perform(effect: DeviceEffect): Promise<DeviceEvent | null> {
    const { installer, poller } = this.options
    switch (effect.perform) {
      case 'poll':
        return poller.poll()
      case 'report':
        await this.report(effect)
        return null
      case 'download':
        this.options.faults.strike('update-accepted')
        return this.download(effect.update)
      case 'judge-again':
        return this.judgeAgain(effect.update)
      case 'verify-slot':
        return installer.verifySlot(effect.image)
      case 'switch-slot':
        installer.switchSlot(effect.image)
        return null
      case 'reboot':
        return this.boot()
      case 'check-health':
        return installer.checkHealth()
      case 'confirm':
        installer.confirm()
        return null
      case 'fall-back':
        await installer.fallBack()
        return null
      case 'remember-failure':
        this.rememberFailure(effect)
        return null
    }
  }

  private async report({ state, rolloutId, why }: Statement): Promise<void> {
    const { reports, installer, memory, onReport } = this.options
    const statement = { state, rolloutId, why }
    if ((state === 'refused' || state === 'confirmed') && reports.hasSaid(statement)) return
    onReport(statement)
    const running = memory().boot.slots[memory().boot.active]
    const remember =
      state === 'confirmed' && running !== null
        ? { confirmedDigest: toHex(running.manifestSha256), partial: null, failure: null }
        : {}
    await reports.write(statement, remember)
    if (state === 'reverted') installer.fallBackReported()
  }

  private async download(update: Update): Promise<DeviceEvent> {
    const event = await this.options.installer.download(update)
    if (event.happened === 'payload-stored') this.options.poller.noteStored(update.image)
    return event
  }

  private async judgeAgain(update: Update): Promise<DeviceEvent> {
    const { image } = update
    const { trust, poller } = this.options
    try {
      const { offer, nonce } = update.nonce === null ? update : await poller.askTime(update.offer)
      trust.judgeAgain(offer, nonce)
      return mayInstall(update.terms, trust.now())
        ? { happened: 'still-accepted' }
        : { happened: 'install-later', update }
    } catch (error) {
      // It is stored; the next poll goes on from there.
      if (error instanceof Unreachable) return { happened: 'install-later', update }
      if (!(error instanceof Refusal)) throw error
      return { happened: 'refused', rolloutId: image.rolloutId, why: whyOf(error, 10) }
    }
  }

  private rememberFailure({ image, why, isFinal }: DeviceEffect & { perform: 'remember-failure' }): void {
    const memory = this.options.memory()
    const before = memory.record.failure
    const tries = before !== null && isSameAttempt(before.image, image) ? before.tries + 1 : 1
    memory.saveRecord({
      failure: { image, tries, isFinal: isFinal || tries >= MOST_TRIES, code: why.code, step: why.step },
    })
  }
}
