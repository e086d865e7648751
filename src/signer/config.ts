import { join } from 'node:path'
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
  /** Threads of this process, as libuv reads it. */
  UV_THREADPOOL_SIZE: z
    .string()
    .regex(/^([2-9]|[1-9]\d{1,2})$/, 'not a number of threads from 2 to 999')
    .optional(),
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
export const loadSignerConfig = (env: Environment): SignerConfig => load(SignerEnv, withPinFile(env))

/** @throws Refusal `CONFIGURATION`. */
export const loadTokenConfig = (env: Environment): TokenConfig => load(TokenEnv, withPinFile(env))

/**
 * The PIN is in a file: the one that is named, else the credential `pin` that systemd gives to this service alone (LoadCredential=,
 * systemd.exec(5)). Everybody who may look at a process reads its environment and its arguments, so a PIN in there is refused.
 */
function withPinFile(env: Environment): Environment {
  const { PKCS11_PIN: pin, PKCS11_PIN_FILE: file, CREDENTIALS_DIRECTORY: credentials } = env
  if (pin !== undefined)
    throw new Refusal('CONFIGURATION', {
      name: 'PKCS11_PIN',
      why: 'a PIN is never taken from the environment; put it into a file and name that in PKCS11_PIN_FILE',
    })
  if (file !== undefined || credentials === undefined) return env
  return { ...env, PKCS11_PIN_FILE: join(credentials, 'pin') }
}

/** Names every variable that broke a rule, never its value. */
function load<T>(schema: z.ZodType<T>, env: Environment): Readonly<T> {
  const parsed = schema.safeParse(env)
  if (parsed.success) return Object.freeze(parsed.data)
  const issues = parsed.error.issues
  const name = [...new Set(issues.map((issue) => issue.path.join('.')))].join(', ')
  const why = [...new Set(issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`))].join('; ')
  throw new Refusal('CONFIGURATION', { name, why })
}
