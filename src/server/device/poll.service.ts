import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { concat, equalBytes, sha256, toBase64Url, utf8 } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import {
  encodeUpdateAnswer,
  MAX_ROOTS_IN_ANSWER,
  type ReportAck,
  type UpdateAnswer,
} from '../../protocol/device-http.js'
import { activeStates, type DeploymentState } from '../../domain/rollout/deployment-state.js'
import type { RolloutRules } from '../../domain/rollout/rules.js'
import { TrustService } from '../keys/trust.service.js'
import { ReleaseGuard, type TrustSnapshot } from '../rollout/release-guard.service.js'
import { ReleaseShelf, type ShelvedRelease } from '../rollout/release-shelf.service.js'
import { Signers } from '../signing/signer.port.js'
import type { DeviceProof } from './device-auth.service.js'
import { LastSeen } from './last-seen.service.js'
import { termsOf, type OfferTerms } from './offer-terms.js'
import { heldCounter } from './report-store.service.js'

export interface PollRequest {
  readonly namespace: string
  readonly deviceId: string
  readonly proof: DeviceProof
  /** What the device holds; 0 for nothing. */
  readonly rootVersion: number
  readonly krlNumber: number
  readonly nonce: Uint8Array | null
  readonly ifNoneMatch: string | null
}

/** `body` is null for 304. A poll with a nonce has no ETag: its answer is for that poll alone. */
export interface PollResult {
  readonly etag: string | null
  readonly body: Uint8Array | null
}

interface DeviceRow {
  readonly credential_sha256: Buffer
  readonly decommissioned_at: number | null
  readonly report_epoch: number | null
  readonly report_counter: number | null
  readonly counter_epoch: number
  readonly assignment: Buffer | null
  readonly assignment_expires: number | null
  readonly manifest_sha256: Buffer | null
  readonly state: DeploymentState | null
  readonly rules: RolloutRules | null
  readonly time_zone: string | null
}

/**
 * One device and what it is offered: two index look-ups, whatever the number of devices and rollouts. A paused rollout
 * hands out nothing to a device that has not begun.
 */
const POLL = `
  SELECT d.credential_sha256, d.decommissioned_at, d.report_epoch, d.report_counter, d.counter_epoch, o.assignment, o.assignment_expires, o.manifest_sha256,
    o.state, o.rules, d.attributes ->> 'timeZone' AS time_zone
  FROM device d LEFT JOIN LATERAL (
    SELECT p.assignment, p.assignment_expires, p.state, r.manifest_sha256, r.rules
    FROM deployment p JOIN rollout r ON r.id = p.rollout_id
    WHERE p.namespace = d.namespace AND p.device_id = d.id
      AND p.state IN (${activeStates.map((state) => `'${state}'`).join(', ')})
      AND p.assignment IS NOT NULL
      AND (r.state IN ('running', 'finished') OR (r.state = 'paused' AND p.state <> 'offered'))
    LIMIT 1) o ON true
  WHERE d.namespace = $1 AND d.id = $2`

/** The hot path: most polls find nothing new, cost one query and answer 304. */
@Injectable()
export class PollService {
  constructor(
    private readonly database: DataSource,
    private readonly trust: TrustService,
    private readonly signers: Signers,
    private readonly releases: ReleaseShelf,
    private readonly guard: ReleaseGuard,
    private readonly seen: LastSeen,
    private readonly clock: Clock,
  ) {}

  /** @throws Refusal `UNAUTHENTICATED`, `NOT_FOUND` for the namespace; with a nonce also `SIGNER_*`. */
  async poll(request: PollRequest): Promise<PollResult> {
    const { namespace, deviceId } = request
    const row = await this.requireDevice(request)
    this.seen.note(namespace, deviceId)
    const trust = await this.trust.snapshot(namespace)
    const ack = row.report_counter === null ? null : heldCounter(row)
    const offer = await this.findOffer(trust, namespace, row)
    if (request.nonce !== null) {
      const freshness = await this.signers.freshness(namespace, request.nonce)
      return { etag: null, body: answerOf(request, trust, freshness, offer, ack) }
    }
    const freshness = trust.freshness?.document ?? null
    const etag = etagOf(request, trust, offer, ack)
    if (request.ifNoneMatch === etag) return { etag, body: null }
    return { etag, body: answerOf(request, trust, freshness, offer, ack) }
  }

  private async requireDevice({ namespace, deviceId, proof }: PollRequest): Promise<DeviceRow> {
    if (proof === null) throw new Refusal('UNAUTHENTICATED', {})
    const [row] = await this.database.query<DeviceRow[]>(POLL, [namespace, deviceId])
    // An unknown device and a wrong credential look alike.
    const isSelf =
      'certified' in proof
        ? proof.certified === deviceId
        : row !== undefined && equalBytes(row.credential_sha256, proof.credentialSha256)
    if (row === undefined || row.decommissioned_at !== null || !isSelf) throw new Refusal('UNAUTHENTICATED', {})
    return row
  }

  private async findOffer(trust: TrustSnapshot, namespace: string, row: DeviceRow): Promise<Offer | null> {
    const { assignment, assignment_expires: expires, manifest_sha256: manifest } = row
    const now = this.clock.nowSeconds()
    if (assignment === null || expires === null || manifest === null || expires <= now) return null
    const release = await this.releases.findByManifest(namespace, manifest)
    if (release === null || this.guard.findRefusal(trust, release, now) !== null) return null
    const { rules, state, time_zone: timeZone } = row
    const terms = rules === null || state === null ? null : termsOf(rules, state, timeZone, now)
    return terms === null ? null : { assignment, release, terms }
  }
}

interface Offer {
  readonly terms: OfferTerms
  readonly assignment: Uint8Array
  readonly release: ShelvedRelease
}

function answerOf(
  request: PollRequest,
  trust: TrustSnapshot,
  freshness: Uint8Array | null,
  offer: Offer | null,
  ack: ReportAck | null,
): Uint8Array {
  const roots = trust.roots.filter((row) => row.version > request.rootVersion).slice(0, MAX_ROOTS_IN_ANSWER)
  const { krl } = trust
  const answer: UpdateAnswer = {
    ...(freshness === null ? {} : { freshness }),
    ...(krl !== null && krl.version > request.krlNumber ? { krl: krl.document } : {}),
    ...(roots.length > 0 ? { roots: roots.map((row) => row.document) } : {}),
    ...(offer === null
      ? {}
      : {
          assignment: offer.assignment,
          envelope: offer.release.envelope,
          payloadUrls: [`/device/v1/${request.namespace}/`],
          ...offer.terms,
        }),
    ...(ack === null ? {} : { ack }),
  }
  return encodeUpdateAnswer(answer)
}

/** Everything the answer is made of, and nothing that changes without it. */
function etagOf(request: PollRequest, trust: TrustSnapshot, offer: Offer | null, ack: ReportAck | null): string {
  const { root, krl } = trust.state
  const { mode, installWindow } = offer?.terms ?? {}
  const terms = [mode, installWindow?.from, installWindow?.to]
  const held = [request.rootVersion, request.krlNumber, root.version, krl?.sha256, ack?.epoch, ack?.counter, ...terms]
  const none = new Uint8Array(0)
  const whole = concat(
    utf8(held.join(' ')),
    sha256(trust.freshness?.document ?? none),
    sha256(offer?.assignment ?? none),
  )
  return `"${toBase64Url(sha256(whole).subarray(0, 16))}"`
}
