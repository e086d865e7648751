import { z } from 'zod'
import { Refusal } from '../domain/refusal.js'
import { parseFilter } from '../domain/targeting/parse-filter.js'

const seconds = z.int().min(1).max(86_399)
const filter = z.string().superRefine((text, context) => {
  try {
    parseFilter(text, { isClass: () => true })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    context.addIssue({ code: 'custom', message: error.message })
  }
})

/** How often devices of a namespace ask. */
export const PollSettings = z.strictObject({
  pollSeconds: seconds.default(300),
  /** Each device's own share of it, in both directions. */
  jitterPercent: z.number().min(0).max(50).default(10),
  /** The first filter that fits a device counts. */
  pollOverrides: z
    .array(z.strictObject({ filter, pollSeconds: seconds }))
    .max(16)
    .default([]),
})
export type PollSettings = Readonly<z.infer<typeof PollSettings>>
