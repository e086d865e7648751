import { Injectable } from '@nestjs/common'
import { concat, equalBytes, sha256, toBase64Url, utf8 } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import {
  CBOR_MEDIA_TYPE,
  encodeUpdateAnswer,
  MAX_ROOTS_IN_ANSWER,
  type ReportAck,
  type UpdateAnswer,
} from '../../protocol/device-http.js'
import { activeStates, type DeploymentState } from '../../domain/rollout/deployment-state.js'
import type { RolloutRules } from '../../domain/rollout/rules.js'
import { DeviceFeed } from '../database/device-feed.service.js'
import { PreparedQueries } from '../database/prepared-queries.service.js'
import { isHeld } from '../entity-tag.js'
import { TrustService } from '../keys/trust.service.js'
import { compileOverrides } from '../poll-overrides.js'
import { PollSettings } from '../poll-settings.js'
import { pollAfterSeconds, pollBeforeWindow } from '../polling-time.js'
import type { IdleAnswer } from '../polling/idle-polls.service.js'
import { LastSeen } from '../polling/last-seen.service.js'
import { ReleaseGuard, type TrustSnapshot } from '../rollout/release-guard.service.js'
import { ReleaseShelf, type ShelvedRelease } from '../rollout/release-shelf.service.js'
import { ServerConfig } from '../server-config.js'
import { Filters } from '../targeting/filters.service.js'
import { Signers } from '../signing/signer.port.js'
import type { DeviceProof } from './device-auth.service.js'
import { downloadsAt, termsOf, type OfferTerms } from './offer-terms.js'
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
  /** Where there was nothing to do: what may be answered again. */
  readonly idle: IdleAnswer | null
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
  readonly rollout_state: string | null
  readonly poll_seconds: number | null
}

/** One device and what it was assigned: two index look-ups, whatever the number of devices and rollouts. */
const pollWith = (overrides: string): string => `
  SELECT d.credential_sha256, d.decommissioned_at, d.report_epoch, d.report_counter, d.counter_epoch, o.assignment, o.assignment_expires, o.manifest_sha256,
    o.state, o.rules, o.rollout_state, d.attributes ->> 'timeZone' AS time_zone, ${overrides} AS poll_seconds
  FROM device d LEFT JOIN LATERAL (
    SELECT p.assignment, p.assignment_expires, p.state, r.manifest_sha256, r.rules, r.state AS rollout_state
    FROM deployment p JOIN rollout r ON r.id = p.rollout_id
    WHERE p.namespace = d.namespace AND p.device_id = d.id
      AND p.state IN (${activeStates.map((state) => `'${state}'`).join(', ')})
      AND p.assignment IS NOT NULL
    LIMIT 1) o ON true
  WHERE d.namespace = $1 AND d.id = $2`

/** The hot path: most polls find nothing new, cost one query and answer 304. */
@Injectable()
export class PollService {
  private readonly settings: ReadonlyMap<string, PollSettings>
  private readonly query: { readonly sql: string; readonly parameters: readonly unknown[] }

  constructor(
    private readonly prepared: PreparedQueries,
    private readonly feed: DeviceFeed,
    private readonly trust: TrustService,
    private readonly signers: Signers,
    private readonly releases: ReleaseShelf,
    private readonly guard: ReleaseGuard,
    private readonly seen: LastSeen,
    private readonly clock: Clock,
    config: ServerConfig,
    filters: Filters,
  ) {
    const all = config.namespaces.map(({ namespace, polling }) => ({
      namespace,
      settings: polling ?? PollSettings.parse({}),
    }))
    this.settings = new Map(all.map(({ namespace, settings }) => [namespace, settings]))
    const { sql, parameters } = compileOverrides(all, filters, 2)
    this.query = { sql: pollWith(sql), parameters }
  }

  /** @throws Refusal `UNAUTHENTICATED`, `NOT_FOUND` for the namespace; with a nonce also `SIGNER_*`. */
  async poll(request: PollRequest): Promise<PollResult> {
    const { namespace, deviceId } = request
    const { tick } = this.feed
    const row = await this.requireDevice(request)
    this.seen.note(namespace, deviceId)
    const trust = await this.trust.snapshot(namespace)
    const ack = row.report_counter === null ? null : heldCounter(row)
    const found = await this.findOffer(trust, namespace, row)
    const { offer } = found
    const pollSeconds = this.pollSeconds(request, row, found.opensAt)
    if (request.nonce !== null) {
      const freshness = await this.signers.freshness(namespace, request.nonce)
      return { etag: null, body: answerOf(request, trust, freshness, offer, ack, pollSeconds), idle: null }
    }
    const freshness = trust.freshness?.document ?? null
    const etag = etagOf(request, trust, offer, ack, pollSeconds)
    const isHeldBody = request.ifNoneMatch !== null && isHeld(request.ifNoneMatch, etag)
    const isIdle = row.state === null && request.proof !== null && 'credentialSha256' in request.proof
    if (isHeldBody && !isIdle) return { etag, body: null, idle: null }
    const body = answerOf(request, trust, freshness, offer, ack, pollSeconds)
    const idle = isIdle ? { ...this.idleAnswer(namespace, trust, etag, body), deviceId, tick } : null
    return { etag, body: isHeldBody ? null : body, idle }
  }

  private idleAnswer(
    namespace: string,
    trust: TrustSnapshot,
    etag: string,
    body: Uint8Array,
  ): Omit<IdleAnswer, 'deviceId' | 'tick'> {
    const headers = {
      etag,
      'content-type': CBOR_MEDIA_TYPE,
      'cache-control': 'private, no-cache',
      'content-length': String(body.length),
    }
    // Freshness statements are renewed beside documents that stay.
    const isStill = (): boolean => {
      const now = this.trust.peek(namespace)
      return now !== null && now.state === trust.state && now.freshness?.time === trust.freshness?.time
    }
    return { namespace, etag, body, headers, isStill }
  }

  private async requireDevice({ namespace, deviceId, proof }: PollRequest): Promise<DeviceRow> {
    if (proof === null) throw new Refusal('UNAUTHENTICATED', {})
    const { sql, parameters } = this.query
    const [row] = await this.prepared.query<DeviceRow>('native poll', sql, [namespace, deviceId, ...parameters])
    // An unknown device and a wrong credential look alike.
    const isSelf =
      'certified' in proof
        ? proof.certified === deviceId
        : row !== undefined && equalBytes(row.credential_sha256, proof.credentialSha256)
    if (row === undefined || row.decommissioned_at !== null || !isSelf) throw new Refusal('UNAUTHENTICATED', {})
    return row
  }

  private pollSeconds({ namespace, deviceId }: PollRequest, row: DeviceRow, opensAt: number | null): number {
    const { pollSeconds, jitterPercent } = this.settings.get(namespace) ?? PollSettings.parse({})
    const base = pollAfterSeconds(deviceId, row.poll_seconds ?? pollSeconds, jitterPercent)
    return pollBeforeWindow(deviceId, base, opensAt, this.clock.nowSeconds())
  }

  private async findOffer(trust: TrustSnapshot, namespace: string, row: DeviceRow): Promise<FoundOffer> {
    const { assignment, assignment_expires: expires, manifest_sha256: manifest } = row
    const now = this.clock.nowSeconds()
    if (assignment === null || manifest === null || (expires ?? 0) <= now || !isHandedOut(row)) return nothing
    const release = await this.releases.findByManifest(namespace, manifest)
    if (release === null || this.guard.findRefusal(trust, release, now) !== null) return nothing
    return offerOf(row, assignment, release, now)
  }
}

function offerOf(row: DeviceRow, assignment: Uint8Array, release: ShelvedRelease, now: number): FoundOffer {
  const { rules, state, time_zone: timeZone } = row
  if (rules === null || state === null) return nothing
  const terms = termsOf(rules, state, timeZone, now)
  if (terms === null) return { offer: null, opensAt: downloadsAt(rules, timeZone, now) }
  const from = terms.installWindow?.from ?? 0
  return { offer: { assignment, release, terms }, opensAt: from === 0 ? null : from }
}

/** A paused rollout hands out nothing to a device that has not begun. */
const isHandedOut = ({ rollout_state: rollout, state }: DeviceRow): boolean =>
  rollout === 'running' || rollout === 'finished' || (rollout === 'paused' && state !== 'offered')

interface FoundOffer {
  readonly offer: Offer | null
  /** When a window opens that the device waits for. */
  readonly opensAt: number | null
}
const nothing: FoundOffer = { offer: null, opensAt: null }

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
  pollSeconds: number,
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
    pollSeconds,
  }
  return encodeUpdateAnswer(answer)
}

/** Everything the answer is made of, and nothing that changes without it. */
function etagOf(
  request: PollRequest,
  trust: TrustSnapshot,
  offer: Offer | null,
  ack: ReportAck | null,
  pollSeconds: number,
): string {
  const { root, krl } = trust.state
  const { mode, installWindow } = offer?.terms ?? {}
  const terms = [mode, installWindow?.from, installWindow?.to, pollSeconds]
  const held = [request.rootVersion, request.krlNumber, root.version, krl?.sha256, ack?.epoch, ack?.counter, ...terms]
  const none = new Uint8Array(0)
  const whole = concat(
    utf8(held.join(' ')),
    sha256(trust.freshness?.document ?? none),
    sha256(offer?.assignment ?? none),
  )
  return `"${toBase64Url(sha256(whole).subarray(0, 16))}"`
}
