import type { RefusalCode } from '../src/domain/refusal.js'
import type { UpdateOffer } from '../src/domain/trust/accept-update.js'
import type { ReportState } from '../src/domain/trust/report.js'
import type { OfferTerms } from './offer-terms.js'
import type { SlotImage } from './slot-image.js'

/** Why a device said no: a refusal as far as it outlives a restart. */
export interface Why {
  readonly code: RefusalCode
  /** The step of trust.md §5 that refused. */
  readonly step: number
  /** The refusal's facts; empty after a restart. */
  readonly detail: object
}

/** An update that steps 1 to 14 accepted, on its way into the slot that does not run. */
export interface Update {
  readonly image: SlotImage
  /** As it was judged, to be judged again before the slot switch. */
  readonly offer: UpdateOffer
  /** The nonce of that poll; null on a device with a clock. */
  readonly nonce: Uint8Array | null
  /** Bases for the payload's relative address, in the order to try them. */
  readonly payloadUrls: readonly string[]
  /** What the server wishes about the time; it binds nobody, and withholding it is no more than withholding the offer. */
  readonly terms: OfferTerms
}

/** What a device is about. Between two polls it rests in `idle` or in how the last update ended. */
export type Session =
  | { readonly phase: 'idle' | 'polling' }
  | { readonly phase: 'downloading' | 'downloaded' | 'installing'; readonly update: Update }
  /** Stored, and to be installed later or not at all. */
  | { readonly phase: 'waiting'; readonly update: Update }
  | { readonly phase: 'rebooting'; readonly image: SlotImage }
  | { readonly phase: 'confirmed'; readonly image: SlotImage }
  | { readonly phase: 'failed' | 'reverted' | 'refused'; readonly rolloutId: string | null; readonly why: Why }

export type DeviceEvent =
  | { readonly happened: 'poll-due' }
  | { readonly happened: 'server-unreachable' }
  | { readonly happened: 'nothing-offered' }
  | { readonly happened: 'update-accepted'; readonly update: Update }
  /** Accepted, and a person has not agreed. */
  | { readonly happened: 'not-agreed' }
  /** Accepted, and stored already. */
  | { readonly happened: 'stored-before'; readonly update: Update }
  | { readonly happened: 'install-later'; readonly update: Update }
  /** Accepted, and it is what runs already. */
  | { readonly happened: 'already-running'; readonly image: SlotImage }
  /** Accepted once more after it failed for good: not tried again, and not reported again. */
  | { readonly happened: 'given-up'; readonly image: SlotImage; readonly why: Why }
  /** The rollout is known once the assignment held. */
  | { readonly happened: 'refused'; readonly rolloutId: string | null; readonly why: Why }
  | { readonly happened: 'payload-stored' }
  | { readonly happened: 'payload-interrupted' }
  | { readonly happened: 'payload-refused'; readonly why: Why }
  | { readonly happened: 'still-accepted' }
  | { readonly happened: 'slot-verified' }
  | { readonly happened: 'slot-damaged'; readonly why: Why }
  | { readonly happened: 'booted-on-trial'; readonly image: SlotImage }
  | { readonly happened: 'booted-confirmed'; readonly image: SlotImage }
  | { readonly happened: 'booted-old'; readonly image: SlotImage; readonly why: Why }
  | { readonly happened: 'healthy' }
  | { readonly happened: 'unhealthy'; readonly why: Why }

export type DeviceEffect =
  | { readonly perform: 'poll' }
  | {
      readonly perform: 'report'
      readonly state: ReportState
      readonly rolloutId: string | null
      readonly why: Why | null
    }
  | { readonly perform: 'download'; readonly update: Update }
  | { readonly perform: 'judge-again'; readonly update: Update }
  | { readonly perform: 'verify-slot'; readonly image: SlotImage }
  | { readonly perform: 'switch-slot'; readonly image: SlotImage }
  | { readonly perform: 'reboot' }
  | { readonly perform: 'check-health' }
  | { readonly perform: 'confirm'; readonly image: SlotImage }
  | { readonly perform: 'fall-back' }
  /** Remembers that this update failed; `isFinal` when no further try is wanted. */
  | { readonly perform: 'remember-failure'; readonly image: SlotImage; readonly why: Why; readonly isFinal: boolean }

export interface Reaction {
  readonly session: Session
  readonly effects: readonly DeviceEffect[]
}

const report = (state: ReportState, rolloutId: string | null, why: Why | null = null): DeviceEffect => ({
  perform: 'report',
  state,
  rolloutId,
  why,
})

/**
 * The device as a state machine: what it does about an event, and nothing of how. Effects are performed in order.
 * An event that does not fit the phase changes nothing: it is late, or repeated.
 */
export function react(session: Session, event: DeviceEvent): Reaction {
  const reaction = reactionTo(session, event) ?? afterBoot(event)
  return reaction ?? { session, effects: [] }
}

function reactionTo(session: Session, event: DeviceEvent): Reaction | null {
  switch (session.phase) {
    case 'polling':
      return whilePolling(event)
    case 'downloading':
      return whileDownloading(session.update, event)
    case 'downloaded':
      return whileDownloaded(session.update, event)
    case 'installing':
      return whileInstalling(session.update, event)
    case 'rebooting':
      return whileRebooting(session.image, event)
    default:
      return event.happened === 'poll-due' ? { session: { phase: 'polling' }, effects: [{ perform: 'poll' }] } : null
  }
}

const idle: Reaction = { session: { phase: 'idle' }, effects: [] }

const refused = (rolloutId: string | null, why: Why): Reaction => ({
  session: { phase: 'refused', rolloutId, why },
  effects: [report('refused', rolloutId, why)],
})

function whilePolling(event: DeviceEvent): Reaction | null {
  switch (event.happened) {
    case 'server-unreachable':
    case 'nothing-offered':
    case 'not-agreed':
      return idle
    case 'install-later':
      return { session: { phase: 'waiting', update: event.update }, effects: [] }
    case 'stored-before':
      return {
        session: { phase: 'downloaded', update: event.update },
        effects: [{ perform: 'judge-again', update: event.update }],
      }
    case 'already-running':
      return {
        session: { phase: 'confirmed', image: event.image },
        effects: [report('confirmed', event.image.rolloutId)],
      }
    case 'given-up':
      return { session: endedBefore(event.image.rolloutId, event.why), effects: [] }
    case 'refused':
      return refused(event.rolloutId, event.why)
    case 'update-accepted':
      return {
        session: { phase: 'downloading', update: event.update },
        effects: [report('downloading', event.update.image.rolloutId), { perform: 'download', update: event.update }],
      }
    default:
      return null
  }
}

/** The end it came to, told again. */
const endedBefore = (rolloutId: string, why: Why): Session => ({
  phase: why.code === 'HEALTH_GATE_FAILED' ? 'reverted' : 'failed',
  rolloutId,
  why,
})

function whileDownloading(update: Update, event: DeviceEvent): Reaction | null {
  switch (event.happened) {
    case 'payload-interrupted':
      // What is stored stays; the next poll goes on from there.
      return idle
    case 'payload-refused':
      return failed(update.image, event.why)
    case 'payload-stored':
      return {
        session: { phase: 'downloaded', update },
        effects: [report('downloaded', update.image.rolloutId), { perform: 'judge-again', update }],
      }
    default:
      return null
  }
}

const failed = (image: SlotImage, why: Why): Reaction => ({
  session: { phase: 'failed', rolloutId: image.rolloutId, why },
  effects: [{ perform: 'remember-failure', image, why, isFinal: false }, report('failed', image.rolloutId, why)],
})

/** Step 10 asks twice: a revocation that came during the download still counts. */
function whileDownloaded(update: Update, event: DeviceEvent): Reaction | null {
  if (event.happened === 'refused') return refused(update.image.rolloutId, event.why)
  if (event.happened === 'install-later') return { session: { phase: 'waiting', update }, effects: [] }
  if (event.happened !== 'still-accepted') return null
  return {
    session: { phase: 'installing', update },
    effects: [report('installing', update.image.rolloutId), { perform: 'verify-slot', image: update.image }],
  }
}

function whileInstalling({ image }: Update, event: DeviceEvent): Reaction | null {
  if (event.happened === 'slot-damaged') return failed(image, event.why)
  if (event.happened !== 'slot-verified') return null
  return {
    session: { phase: 'rebooting', image },
    effects: [{ perform: 'switch-slot', image }, report('rebooting', image.rolloutId), { perform: 'reboot' }],
  }
}

function whileRebooting(image: SlotImage, event: DeviceEvent): Reaction | null {
  if (event.happened === 'healthy')
    return {
      session: { phase: 'confirmed', image },
      effects: [{ perform: 'confirm', image }, report('confirmed', image.rolloutId)],
    }
  if (event.happened === 'unhealthy') {
    const { session, effects } = reverted(image, event.why)
    return { session, effects: [{ perform: 'fall-back' }, ...effects] }
  }
  return null
}

const reverted = (image: SlotImage, why: Why): Reaction => ({
  session: { phase: 'reverted', rolloutId: image.rolloutId, why },
  effects: [{ perform: 'remember-failure', image, why, isFinal: true }, report('reverted', image.rolloutId, why)],
})

/** A boot speaks for itself, whatever went before: memory may be gone. */
function afterBoot(event: DeviceEvent): Reaction | null {
  switch (event.happened) {
    case 'booted-on-trial':
      return { session: { phase: 'rebooting', image: event.image }, effects: [{ perform: 'check-health' }] }
    case 'booted-confirmed':
      return {
        session: { phase: 'confirmed', image: event.image },
        effects: [report('confirmed', event.image.rolloutId)],
      }
    case 'booted-old':
      return reverted(event.image, event.why)
    default:
      return null
  }
}
