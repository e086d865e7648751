import { z } from 'zod'
import { Refusal } from '../domain/refusal.js'
import { readSpecFile } from './ceremony/spec-file.js'
import type { RateValue, Share, StageValue } from './rollout-values.js'

/** Options of `rollout create`, one for each rule of a rollout. */
export interface RolloutOptions {
  readonly file?: string
  readonly release?: string
  /** Its id, or `none`. */
  readonly fallback?: string
  readonly stage?: readonly StageValue[]
  readonly gate?: { readonly confirmedPercent: number }
  readonly soak?: number
  readonly failureLimit?: { readonly count?: number; readonly percent?: number }
  readonly onFailure?: string
  readonly devicesPerHour?: number
  readonly devicesTotal?: number
  readonly notBefore?: number
  readonly expires?: number
  readonly class?: string
  readonly device?: readonly string[]
  readonly where?: string
  readonly mode?: string
  readonly priority?: number
  readonly retries?: number
  readonly retryAfter?: number
  readonly rate?: RateValue
  readonly inFlight?: number
  readonly bytesPerSecond?: number
  readonly timeZone?: string
  readonly downloadWindow?: readonly string[]
  readonly installWindow?: readonly string[]
  readonly blackout?: readonly string[]
  readonly siteBudget?: Share
  readonly silence?: number
  readonly jitter?: number
}

const Spec = z.looseObject({
  filter: z.looseObject({}).optional(),
  rates: z.looseObject({}).optional(),
  schedule: z.looseObject({}).optional(),
})

/** What no rollout is without, with the option that gives it. */
const needed: readonly (readonly [string, string])[] = [
  ['releaseId', '--release'],
  ['stages', '--stage'],
  ['gate', '--gate'],
  ['failureLimit', '--failure-limit'],
  ['devicesPerHour', '--devices-per-hour'],
  ['devicesTotal', '--devices-total'],
]

/**
 * The body of `POST /rollouts`: what the file says, with what the options say in its place. Whether it makes sense is
 * judged by the server, field by field.
 * @throws Refusal `FILE_UNREADABLE`, `REQUEST_INVALID`, `CONFIGURATION` naming the options that are missing.
 */
export function rolloutBody(options: RolloutOptions): Readonly<Record<string, unknown>> {
  const spec = options.file === undefined ? {} : readSpecFile(options.file, Spec)
  const body: Readonly<Record<string, unknown>> = {
    ...spec,
    ...given({
      releaseId: options.release,
      fallbackReleaseId: options.fallback === 'none' ? null : options.fallback,
      stages: options.stage,
      gate: options.gate,
      soakSeconds: options.soak,
      failureLimit: options.failureLimit,
      onFailure: options.onFailure,
      devicesPerHour: options.devicesPerHour,
      devicesTotal: options.devicesTotal,
      notBefore: options.notBefore,
      expires: options.expires,
      mode: options.mode,
      priority: options.priority,
      retries: options.retries,
      retryAfterSeconds: options.retryAfter,
      siteBudget: options.siteBudget,
      silenceSeconds: options.silence,
      jitterSeconds: options.jitter,
      filter: group(spec.filter, { className: options.class, deviceIds: options.device, where: options.where }),
      rates: group(spec.rates, {
        perMinute: options.rate,
        inFlight: options.inFlight,
        bytesPerSecond: options.bytesPerSecond,
      }),
      schedule: group(spec.schedule, {
        timeZone: options.timeZone,
        download: options.downloadWindow,
        install: options.installWindow,
        blackout: options.blackout,
      }),
    }),
  }
  const missing = needed.filter(([field]) => body[field] === undefined).map(([, option]) => option)
  // All at once: nobody wants to be sent back six times.
  if (missing.length > 0) throw new Refusal('CONFIGURATION', { name: missing.join(', '), why: 'a rollout needs it' })
  return body
}

/** Without what nobody said. */
const given = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

function group(
  spec: Readonly<Record<string, unknown>> | undefined,
  fields: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> | undefined {
  const all = { ...spec, ...given(fields) }
  return Object.keys(all).length === 0 ? undefined : all
}
