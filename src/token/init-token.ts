import { Refusal } from '../domain/refusal.js'
import { openModule, type Cryptoki } from './cryptoki-module.js'
import { CKU } from './cryptoki.js'
import { atTokenStep } from './token-failure.js'
import { listTokenSlots, requireTokenSlot } from './token-slot.js'
import { closeSession, openSession } from './token-session.js'

/** A token to be made in an empty slot. The PINs come as values so that they are on no command line and in no environment. */
export interface NewToken {
  readonly modulePath: string
  /** At most 32 bytes in UTF-8. */
  readonly label: string
  readonly soPin: string
  readonly userPin: string
}

const LABEL_BYTES = 32

/**
 * Initialises the first empty slot of the module and sets the user PIN. Never touches a token that is initialised already.
 * SoftHSM reads `SOFTHSM2_CONF` when the module starts, so set it before, and let no other user of the module be open.
 * @throws Refusal `REQUEST_INVALID` for the label, `TOKEN_MODULE`, `TOKEN_PIN`, `TOKEN_FAILED`
 */
export function initToken(wanted: NewToken): void {
  const label = requirePaddedLabel(wanted.label)
  const module = openModule(wanted.modulePath)
  try {
    initSlot(module.cryptoki, wanted, label)
    setUserPin(module.cryptoki, wanted)
  } finally {
    module.release()
  }
}

function initSlot(cryptoki: Cryptoki, wanted: NewToken, paddedLabel: string): void {
  const step = 'initialise a token'
  const tokens = listTokenSlots(cryptoki)
  // A second token of one name could be used by neither.
  if (tokens.some((token) => token.initialized && token.label === wanted.label))
    throw new Refusal('TOKEN_FAILED', { step, why: `there is a token "${wanted.label}" already` })
  const empty = tokens.find((token) => !token.initialized)
  if (empty === undefined) throw new Refusal('TOKEN_FAILED', { step, why: 'the module has no empty slot' })
  const { minPinLen, maxPinLen } = atTokenStep(step, () => cryptoki.C_GetTokenInfo(empty.slot))
  // Before anything is written: a user PIN refused afterwards would leave a token that nobody can log in to.
  for (const pin of [wanted.soPin, wanted.userPin])
    if (Buffer.byteLength(pin) < minPinLen || Buffer.byteLength(pin) > maxPinLen)
      throw new Refusal('TOKEN_PIN', { why: `a PIN of this token has ${minPinLen} to ${maxPinLen} bytes` })
  atTokenStep(step, () => cryptoki.C_InitToken(empty.slot, wanted.soPin, paddedLabel))
}

function setUserPin(cryptoki: Cryptoki, wanted: NewToken): void {
  // Slots may be numbered anew by now.
  const { slot } = requireTokenSlot(cryptoki, { label: wanted.label })
  const session = openSession(cryptoki, slot, 'write')
  try {
    atTokenStep('log in as security officer', () => cryptoki.C_Login(session, CKU.SO, wanted.soPin))
    atTokenStep('set the user PIN', () => cryptoki.C_InitPIN(session, wanted.userPin))
    atTokenStep('log out', () => cryptoki.C_Logout(session))
  } finally {
    closeSession(cryptoki, session)
  }
}

/** The binding hands its bytes on as they are, and PKCS#11 reads exactly 32, blank-padded: a shorter text would be read past its end. */
function requirePaddedLabel(label: string): string {
  const sizeBytes = Buffer.byteLength(label)
  if (sizeBytes === 0 || sizeBytes > LABEL_BYTES || label.trim() !== label || /\p{Cc}/u.test(label))
    throw new Refusal('REQUEST_INVALID', {
      field: 'label',
      why: '1 to 32 bytes, no blank at either end, no control characters',
    })
  return label + ' '.repeat(LABEL_BYTES - sizeBytes)
}
