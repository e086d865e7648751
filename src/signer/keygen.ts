import { parseArgs } from 'node:util'
import { toBase64Url } from '../domain/bytes.js'
import { encodeCbor } from '../domain/cbor/encode.js'
import { ED25519, ESP256 } from '../domain/cose/algorithms.js'
import { coseKeyToCbor } from '../domain/cose/cose-key.js'
import { Refusal } from '../domain/refusal.js'
import { isKeyRole, type KeyRole } from '../domain/trust/roles.js'
import { generateKey } from '../token/generate-key.js'
import { findCryptokiResult } from '../token/token-failure.js'
import type { TokenConfig } from './config.js'
import { tokenAccessOf } from './token-access.js'

const algorithms: Readonly<Record<string, number>> = { ed25519: ED25519, esp256: ESP256 }

/** What a ceremony asks the token's administrator for. */
export interface KeygenOrder {
  readonly roles: readonly KeyRole[]
  readonly algorithm: number
  readonly alwaysAuthenticate: boolean
}

/** @throws Refusal `CONFIGURATION` naming the option. */
export function parseKeygen(args: readonly string[]): KeygenOrder {
  const refuse = (name: string, why: string): never => {
    throw new Refusal('CONFIGURATION', { name, why })
  }
  const { values } = (() => {
    try {
      return parseArgs({
        args: [...args],
        options: {
          role: { type: 'string', multiple: true },
          algorithm: { type: 'string', default: 'ed25519' },
          'always-authenticate': { type: 'boolean', default: false },
        },
      })
    } catch (error) {
      return refuse('keygen', error instanceof Error ? error.message : 'unknown option')
    }
  })()
  const roles = (values.role ?? []).map((role) => (isKeyRole(role) ? role : refuse('--role', `unknown role ${role}`)))
  if (roles.length === 0) refuse('--role', 'name at least one')
  const algorithm = algorithms[values.algorithm] ?? refuse('--algorithm', 'ed25519 or esp256')
  return { roles, algorithm, alwaysAuthenticate: values['always-authenticate'] }
}

/** A TPM, or a token in FIPS mode, has no Ed25519. @throws what was thrown, or what to do instead. */
function refuseAlgorithm(error: unknown, algorithm: number): never {
  if (algorithm !== ED25519 || findCryptokiResult(error)?.name !== 'CKR_MECHANISM_INVALID') throw error
  const why = 'this token makes no Ed25519 keys: --algorithm esp256, and -9 among the algorithms of the root'
  throw new Refusal('CONFIGURATION', { name: '--algorithm', why }, { cause: error })
}

/**
 * Makes one key a role in the token.
 * @returns what the ceremony puts into the root, as JSON: `[{role, keyId, alg, publicKey}]`, the COSE_Key in base64url.
 */
export async function runKeygen(order: KeygenOrder, config: TokenConfig): Promise<string> {
  const { algorithm, alwaysAuthenticate } = order
  const rows: Record<string, string | number>[] = []
  for (const role of order.roles) {
    const made = generateKey(tokenAccessOf(config), { role, algorithm, alwaysAuthenticate })
    const { keyId, key } = await made.catch((error: unknown) => refuseAlgorithm(error, algorithm))
    rows.push({ role, keyId, alg: algorithm, publicKey: toBase64Url(encodeCbor(coseKeyToCbor(key))) })
  }
  return JSON.stringify(rows)
}
