import { Refusal } from '../domain/refusal.js'
import type { Cryptoki, Handle } from './cryptoki-module.js'
import { CKF } from './cryptoki.js'
import { atTokenStep } from './token-failure.js'

/** A token found in a slot. Its texts are without the padding of PKCS#11. */
export interface TokenSlot {
  readonly slot: Handle
  readonly label: string
  readonly manufacturer: string
  readonly initialized: boolean
}

const SOFT_TOKEN = 'SoftHSM project'

/** Every slot that holds a token, initialised or not. */
export function listTokenSlots(cryptoki: Cryptoki): TokenSlot[] {
  return atTokenStep('list the tokens of the module', () =>
    cryptoki.C_GetSlotList(true).map((slot) => {
      const info = cryptoki.C_GetTokenInfo(slot)
      return {
        slot,
        label: unpadded(info.label),
        manufacturer: unpadded(info.manufacturerID),
        initialized: (info.flags & CKF.TOKEN_INITIALIZED) !== 0,
      }
    }),
  )
}

/**
 * The one initialised token with this label.
 * @throws Refusal `TOKEN_FAILED` when there is none or more than one: which of two tokens signs is never left to chance.
 */
export function requireTokenSlot(cryptoki: Cryptoki, label: string): TokenSlot {
  const step = 'find the token by its label'
  const initialized = listTokenSlots(cryptoki).filter((token) => token.initialized)
  const [found, second] = initialized.filter((token) => token.label === label)
  if (found === undefined) {
    const present = initialized.map((token) => `"${token.label}"`).join(', ')
    throw new Refusal('TOKEN_FAILED', { step, why: `no token "${label}"; the module has ${present || 'none'}` })
  }
  if (second !== undefined) throw new Refusal('TOKEN_FAILED', { step, why: `more than one token "${label}"` })
  return found
}

/**
 * Refuses a token whose keys are files that a copy of the disk contains.
 * @throws Refusal `TOKEN_MODULE`
 */
export function requireHardware(token: TokenSlot): void {
  if (token.manufacturer === SOFT_TOKEN)
    throw new Refusal('TOKEN_MODULE', {
      step: 'check the manufacturer',
      why: `"${SOFT_TOKEN}" keeps keys in plain files and is refused in profile production`,
    })
}

// Some modules pad with NUL instead of blanks.
const unpadded = (text: string): string => text.replace(/[\0 ]+$/, '')
