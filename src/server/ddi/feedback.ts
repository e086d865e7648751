import { z } from 'zod'

/** What a client says of an action (DDI v1). Members that are not named here are passed over: clients send old ones. */
const execution = z.enum([
  'closed',
  'proceeding',
  'canceled',
  'scheduled',
  'rejected',
  'resumed',
  'download',
  'downloaded',
])
const int32 = z.int().min(-2_147_483_648).max(2_147_483_647)

export const Feedback = z.object({
  status: z.object({
    execution,
    result: z.object({
      finished: z.enum(['success', 'failure', 'none']),
      progress: z.object({ cnt: int32.nullish(), of: int32.nullish() }).nullish(),
    }),
    code: int32.nullish(),
    details: z.array(z.string()).nullish(),
  }),
})
export type Feedback = z.infer<typeof Feedback>

export const Confirmation = z.object({
  confirmation: z.enum(['confirmed', 'denied']),
  code: int32.nullish(),
  details: z.array(z.string()).nullish(),
})
export type Confirmation = z.infer<typeof Confirmation>

const attributeText = z.union([z.string(), z.number(), z.boolean()]).transform(String)
export const ConfigData = z.object({
  data: z.record(z.string(), attributeText),
  mode: z.enum(['merge', 'replace', 'remove']).nullish(),
})
export type ConfigData = z.infer<typeof ConfigData>

const shortText = z.string().min(1).max(128)
export const InstalledVersion = z.object({ name: shortText, version: shortText })
export type InstalledVersion = z.infer<typeof InstalledVersion>

export const AutoConfirm = z
  .object({ initiator: z.string().max(64).nullish(), remark: z.string().max(512).nullish() })
  .nullish()
export type AutoConfirm = z.infer<typeof AutoConfirm>
