import { randomBytes } from 'node:crypto'
import { equalBytes, toHex } from '../src/domain/bytes.js'
import { Refusal } from '../src/domain/refusal.js'
import type { AcceptedUpdate, UpdateOffer } from '../src/domain/trust/accept-update.js'
import type { UpdateAnswer } from '../src/protocol/device-http.js'
import { runningImage } from './boot-record.js'
import type { DeviceEvent, Update } from './device.js'
import type { DeviceMemory } from './device-memory.js'
import { DeviceServer, Unreachable, type PollAnswer } from './device-server.port.js'
import { whyOf } from './installer.js'
import { mayInstall, termsOf } from './offer-terms.js'
import type { Faults } from './faults.js'
import type { ReportDesk } from './report-desk.js'
import type { SlotImage } from './slot-image.js'
import type { TrustDesk } from './trust-desk.js'

const newNonce = (): Uint8Array => new Uint8Array(randomBytes(16))

export interface PollerOptions {
  readonly deviceId: string
  readonly hasClock: boolean
  readonly memory: () => DeviceMemory
  readonly server: DeviceServer
  readonly trust: TrustDesk
  readonly reports: ReportDesk
  readonly faults: Faults
}

/** Asks the server once and says what came of it. */
export class Poller {
  /** Of the newest answer that asked nothing of us; an update that went wrong is asked for in full again. */
  private etag: string | null = null
  /** Whole in the slot that does not run, and told so. */
  private stored: SlotImage | null = null
  /** When the server wants to be asked again, by its last word; null while it has said nothing. */
  asksAgainSeconds: number | null = null
  /** The same of a server that had no room for us. */
  retryAfterSeconds: number | null = null

  constructor(private readonly options: PollerOptions) {}

  /** Memory is gone. */
  forget(): void {
    this.etag = null
    this.stored = null
  }

  noteStored(image: SlotImage): void {
    this.stored = image
  }

  async poll(): Promise<DeviceEvent> {
    const nonce = this.options.hasClock ? null : newNonce()
    try {
      const polled = await this.ask(nonce)
      this.retryAfterSeconds = null
      // "Not modified" for ever is a freeze: what is held has to be fresh by itself (trust.md §5, step 9).
      if (!polled.isChanged) return await this.judge({}, nonce)
      this.asksAgainSeconds = polled.answer.pollSeconds ?? null
      if (polled.answer.ack !== undefined) this.options.reports.acknowledge(polled.answer.ack)
      const event = await this.judge(polled.answer, nonce)
      const isSettled = event.happened === 'nothing-offered' || event.happened === 'already-running'
      // An answer to a nonce is for that poll alone: whoever has no clock never asks whether it changed.
      this.etag = isSettled && nonce === null ? polled.etag : null
      return event
    } catch (error) {
      if (error instanceof Unreachable) {
        this.retryAfterSeconds = error.retryAfterSeconds
        return { happened: 'server-unreachable' }
      }
      // An answer in no readable form: step 1 could not begin.
      if (error instanceof Refusal) return { happened: 'refused', rolloutId: null, why: whyOf(error, 1) }
      throw error
    }
  }

  /**
   * The same offer with a time that is true now, for a device without a clock: the download may have taken days.
   * @throws Unreachable, Refusal for an answer in no readable form.
   */
  async askTime(offer: UpdateOffer): Promise<{ readonly offer: UpdateOffer; readonly nonce: Uint8Array }> {
    const nonce = newNonce()
    const polled = await this.ask(nonce)
    return { offer: { ...offer, freshness: (polled.isChanged ? polled.answer.freshness : undefined) ?? null }, nonce }
  }

  private ask(nonce: Uint8Array | null): Promise<PollAnswer> {
    const { root, krl } = this.options.memory().trust
    const poll = { rootVersion: root.version, krlNumber: krl?.number ?? 0, nonce, etag: this.etag }
    return this.options.server.poll(this.options.deviceId, poll)
  }

  private async judge(answer: UpdateAnswer, nonce: Uint8Array | null): Promise<DeviceEvent> {
    const { trust } = this.options
    const offer: UpdateOffer = {
      roots: answer.roots ?? [],
      krl: answer.krl ?? null,
      freshness: answer.freshness ?? null,
      assignment: answer.assignment ?? null,
      envelope: answer.envelope ?? null,
    }
    let accepted: AcceptedUpdate | null
    try {
      accepted = await trust.judge(offer, nonce)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { happened: 'refused', rolloutId: trust.findRolloutId(offer), why: whyOf(error, 1) }
    }
    return accepted === null ? { happened: 'nothing-offered' } : this.considered(accepted, answer, offer, nonce)
  }

  /** An update that may be installed; what runs already, or failed for good, is not. */
  private considered(
    { manifest, manifestSha256, assignment }: AcceptedUpdate,
    answer: UpdateAnswer,
    offer: UpdateOffer,
    nonce: Uint8Array | null,
  ): DeviceEvent {
    const image: SlotImage = {
      manifestSha256,
      sequence: manifest.sequence,
      imageSha256: manifest.imageSha256,
      imageSizeBytes: manifest.imageSizeBytes,
      rolloutId: assignment.rolloutId,
    }
    const { boot, record } = this.options.memory()
    const running = runningImage(boot)
    if (running !== null && equalBytes(running.manifestSha256, manifestSha256))
      return { happened: 'already-running', image }
    const { failure } = record
    if (failure !== null && failure.isFinal && isSameAttempt(failure.image, image))
      return { happened: 'given-up', image, why: { code: failure.code, step: failure.step, detail: {} } }
    const update = { image, offer, nonce, payloadUrls: answer.payloadUrls ?? [], terms: termsOf(answer) }
    return this.whatNow(update)
  }

  /** A person who is asked, and the hours of the place, come after every check. */
  private whatNow(update: Update): DeviceEvent {
    const { terms, image } = update
    if (terms.mode === 'soft' && this.options.faults.has('declines')) return { happened: 'not-agreed' }
    if (this.stored === null || !isSameAttempt(this.stored, image)) return { happened: 'update-accepted', update }
    const isTime = mayInstall(terms, this.options.trust.now())
    return { happened: isTime ? 'stored-before' : 'install-later', update }
  }
}

/** The same release under the same rollout; a new rollout is a new try. */
export const isSameAttempt = (a: SlotImage, b: SlotImage): boolean =>
  a.rolloutId === b.rolloutId && toHex(a.manifestSha256) === toHex(b.manifestSha256)
