import { Refusal } from '../domain/refusal.js'
import type { Cryptoki, Handle } from './cryptoki-module.js'
import { CKF } from './cryptoki.js'
import { atTokenStep } from './token-failure.js'

/** Which of a module's tokens: all that is given has to fit, and one token alone. */
export interface TokenChoice {
  readonly label?: string
  readonly serial?: string
  /** CK_SLOT_ID. Modules number slots as they like, also anew after a restart: for looking around, not for configuration. */
  readonly slotId?: number
}

/** A token found in a slot. Its texts are without the padding of PKCS#11. */
export interface TokenSlot {
  readonly slot: Handle
  readonly slotId: number
  readonly label: string
  readonly serial: string
  readonly manufacturer: string
  readonly model: string
  /** `2.6`, say. */
  readonly firmware: string
  readonly initialized: boolean
  /** What one more wrong PIN would do, as far as the token tells. */
  readonly pinState: 'usable' | 'last-try' | 'locked'
}

const SOFT_TOKEN = 'SoftHSM project'

/** Every slot that holds a token, initialised or not. */
export const listTokenSlots = (cryptoki: Cryptoki): TokenSlot[] =>
  atTokenStep('list the tokens of the module', () =>
    cryptoki.C_GetSlotList(true).map((slot) => readSlot(cryptoki, slot)),
  )

function readSlot(cryptoki: Cryptoki, slot: Handle): TokenSlot {
  const info = cryptoki.C_GetTokenInfo(slot)
  return {
    slot,
    slotId: Number(Buffer.from(slot).readBigUInt64LE()),
    label: unpadded(info.label),
    serial: unpadded(info.serialNumber),
    manufacturer: unpadded(info.manufacturerID),
    model: unpadded(info.model),
    firmware: `${info.firmwareVersion.major}.${info.firmwareVersion.minor}`,
    initialized: (info.flags & CKF.TOKEN_INITIALIZED) !== 0,
    pinState: pinStateOf(info.flags),
  }
}

function pinStateOf(flags: number): TokenSlot['pinState'] {
  if ((flags & CKF.USER_PIN_LOCKED) !== 0) return 'locked'
  return (flags & CKF.USER_PIN_FINAL_TRY) === 0 ? 'usable' : 'last-try'
}

/**
 * The one initialised token that was chosen.
 * @throws Refusal `TOKEN_FAILED` when there is none or more than one: which of two tokens signs is never left to chance.
 */
export function requireTokenSlot(cryptoki: Cryptoki, choice: TokenChoice): TokenSlot {
  const step = 'find the token'
  const initialized = listTokenSlots(cryptoki).filter((token) => token.initialized)
  const [found, second] = initialized.filter((token) => isChosen(token, choice))
  if (found === undefined) {
    const present = initialized.map((token) => `"${token.label}" (serial ${token.serial})`).join(', ')
    const why = `no token ${describeChoice(choice)}; the module has ${present || 'none'}`
    throw new Refusal('TOKEN_FAILED', { step, why })
  }
  if (second !== undefined)
    throw new Refusal('TOKEN_FAILED', { step, why: `more than one token ${describeChoice(choice)}` })
  return found
}

const isChosen = (token: TokenSlot, { label, serial, slotId }: TokenChoice): boolean =>
  (label === undefined || label === token.label) &&
  (serial === undefined || serial === token.serial) &&
  (slotId === undefined || slotId === token.slotId)

function describeChoice({ label, serial, slotId }: TokenChoice): string {
  const words = [
    label === undefined ? [] : [`"${label}"`],
    serial === undefined ? [] : [`with serial ${serial}`],
    slotId === undefined ? [] : [`in slot ${slotId}`],
  ]
  return words.flat().join(' ') || 'at all'
}

/** A token that is code in this process: there is no device behind it that could hang. */
export const isSoft = (token: TokenSlot): boolean => token.manufacturer === SOFT_TOKEN

/**
 * Refuses a token whose keys are files that a copy of the disk contains.
 * @throws Refusal `TOKEN_MODULE`
 */
export function requireHardware(token: TokenSlot): void {
  if (isSoft(token))
    throw new Refusal('TOKEN_MODULE', {
      step: 'check the manufacturer',
      why: `"${SOFT_TOKEN}" keeps keys in plain files and is refused in profile production`,
    })
}

// Some modules pad with NUL instead of blanks.
const unpadded = (text: string): string => text.replace(/[\0 ]+$/, '')
