import { z } from 'zod'
import { Refusal } from '../domain/refusal.js'
import { isNamespace } from '../domain/trust/fields.js'

const path = z.string().min(1)

/** The token, and who may hold it: all that `keygen` needs. */
const TokenEnv = z.object({
  PKCS11_MODULE: path,
  PKCS11_TOKEN_LABEL: z.string().min(1).max(32),
  PKCS11_PIN_FILE: path,
  PROFILE: z.enum(['laptop', 'production']).default('production'),
})

const SignerEnv = TokenEnv.extend({
  SIGNER_PROCESS: z.enum(['release', 'online']),
  SIGNER_NAMESPACE: z.string().refine(isNamespace, 'not a namespace (product/environment)'),
  SIGNER_SOCKET: path.max(107, 'too long for a socket'),
  // A lock of a few characters is a socket in it.
  SIGNER_STATE_DIR: path.max(90, 'too long for a socket inside'),
  SIGNER_PUBLISHED_DIR: path,
  SIGNER_ROOT_FILE: path,
  /** Names the host; absent, a file beside the state that is made at the first start. */
  SIGNER_HOST_ID_FILE: path.optional(),
  SIGNER_SANDBOX: z.enum(['required', 'off']).default('required'),
}).refine((env) => env.SIGNER_SANDBOX === 'required' || env.PROFILE === 'laptop', {
  path: ['SIGNER_SANDBOX'],
  message: 'off only in profile laptop',
})

export type TokenConfig = Readonly<z.infer<typeof TokenEnv>>
export type SignerConfig = Readonly<z.infer<typeof SignerEnv>>
type Environment = Readonly<Record<string, string | undefined>>

/** @throws Refusal `CONFIGURATION`. */
export const loadSignerConfig = (env: Environment): SignerConfig => load(SignerEnv, env)

/** @throws Refusal `CONFIGURATION`. */
export const loadTokenConfig = (env: Environment): TokenConfig => load(TokenEnv, env)

/** Names every variable that broke a rule, never its value. */
function load<T>(schema: z.ZodType<T>, env: Environment): Readonly<T> {
  const parsed = schema.safeParse(env)
  if (parsed.success) return Object.freeze(parsed.data)
  const issues = parsed.error.issues
  const name = [...new Set(issues.map((issue) => issue.path.join('.')))].join(', ')
  const why = [...new Set(issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`))].join('; ')
  throw new Refusal('CONFIGURATION', { name, why })
}
