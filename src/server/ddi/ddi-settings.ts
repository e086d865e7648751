import { z } from 'zod'
import { PollSettings } from '../poll-settings.js'

const attribute = z.string().min(1).max(128)

/** What an operator says about DDI clients of a namespace. Whether there may be any is the signed policy's to say. */
export const DdiSettings = z.strictObject({
  /** A second tenant name beside `product.env`, for clients that know only one, such as `DEFAULT`. */
  alias: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'not letters, digits, "_" and "-"')
    .optional(),
  ...PollSettings.shape,
  /** When clients ask somebody by `confirmationBase` before they begin. */
  confirmation: z.enum(['never', 'soft', 'always']).default('never'),
  /** What chunks are called: `bApp` is the one word that every client takes. */
  part: z.enum(['bApp', 'os']).default('bApp'),
  /** SHA-256 or other names, as the proxy writes them, of the authorities whose certificates let a device in. */
  certificateAuthorities: z.array(z.string().min(1).max(256)).max(16).default([]),
  /** Class of devices that come with such a certificate and are not known yet; without it they are refused. */
  certificateClass: z.string().min(1).max(64).optional(),
  /** Attributes in which clients say what they run, and which boot this is. */
  versionAttribute: attribute.default('version'),
  bootAttribute: attribute.default('boot_id'),
})
export type DdiSettings = Readonly<z.infer<typeof DdiSettings>>
