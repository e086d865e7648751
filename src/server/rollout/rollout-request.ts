import { z } from 'zod'
import { modes } from '../../domain/rollout/deployment-state.js'
import { failureAnswers } from '../../domain/rollout/rollout-state.js'
import { defaultRules, type RolloutRules } from '../../domain/rollout/rules.js'
import { isDeviceId } from '../../domain/trust/assignment.js'

const MAX_DEVICE_IDS = 10_000
const DAY_SECONDS = 86_400
const MAX_PRIORITY = 99
const count = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER)
const percent = z.number().gt(0).max(100)
const time = z.number().int().positive()
const seconds = (least: number, most: number) => z.number().int().min(least).max(most)
const uuid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'not an id')
const gate = z.strictObject({ confirmedPercent: percent })
const texts = z.array(z.string().max(64)).max(32).default([])

/** A filter (docs/targeting.md). */
const where = z.string().min(1).max(65_536)
const stageRules = {
  where: where.optional(),
  gate: gate.optional(),
  soakSeconds: seconds(0, 30 * DAY_SECONDS).optional(),
}
const perMinute = z.union([
  z.strictObject({ constant: z.number().gt(0).max(1e9) }),
  z.strictObject({
    base: z.number().gt(0).max(1e9),
    factor: z.number().min(1).max(100),
    everyConfirmed: count,
    most: z.number().gt(0).max(1e9),
  }),
])

export const NewRollout = z.strictObject({
  releaseId: uuid,
  /** Unless one is named it is the one that was signed with the release; null is none. */
  fallbackReleaseId: uuid.nullable().optional(),
  stages: z
    .array(
      z.union(
        [z.strictObject({ devices: count, ...stageRules }), z.strictObject({ percent, ...stageRules })],
        'whole devices or percent, one of them, and of its own rules where, gate and soakSeconds',
      ),
    )
    .min(1),
  /** Of stages that name none of their own. */
  gate,
  soakSeconds: seconds(0, 30 * DAY_SECONDS).default(0),
  failureLimit: z
    .strictObject({ count: z.number().int().min(0).optional(), percent: z.number().min(0).max(100).optional() })
    .refine((limit) => limit.count !== undefined || limit.percent !== undefined, 'a count or a percent'),
  onFailure: z.enum(failureAnswers).default(defaultRules.onFailure),
  devicesPerHour: count,
  devicesTotal: count,
  notBefore: time.optional(),
  expires: time.optional(),
  filter: z
    .strictObject({
      className: z.string().min(1).max(64).optional(),
      where: where.optional(),
      deviceIds: z.array(z.string().refine(isDeviceId, 'not a device id')).min(1).max(MAX_DEVICE_IDS).optional(),
    })
    .optional(),
  mode: z.enum(modes).default(defaultRules.mode),
  priority: z.number().int().min(0).max(MAX_PRIORITY).default(0),
  retries: z.number().int().min(0).max(10).default(defaultRules.retries),
  retryAfterSeconds: seconds(1, 7 * DAY_SECONDS).default(defaultRules.retryAfterSeconds),
  rates: z
    .strictObject({ perMinute: perMinute.optional(), inFlight: count.optional(), bytesPerSecond: count.optional() })
    .default(defaultRules.rates),
  schedule: z
    .strictObject({
      timeZone: z.string().max(64).default(defaultRules.schedule.timeZone),
      download: texts,
      install: texts,
      blackout: texts,
    })
    .default({ timeZone: defaultRules.schedule.timeZone, download: [], install: [], blackout: [] }),
  siteBudget: z
    .union([z.strictObject({ devices: count }), z.strictObject({ percent })])
    .nullable()
    .default(null),
  silenceSeconds: seconds(10, 90 * DAY_SECONDS).optional(),
  jitterSeconds: seconds(0, DAY_SECONDS).optional(),
})
export type NewRollout = z.infer<typeof NewRollout>

export const rulesOf = (body: NewRollout): RolloutRules => ({
  mode: body.mode,
  onFailure: body.onFailure,
  retries: body.retries,
  retryAfterSeconds: body.retryAfterSeconds,
  rates: body.rates,
  schedule: body.schedule,
  siteBudget: body.siteBudget,
})
