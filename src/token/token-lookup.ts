import { openModule } from './cryptoki-module.js'
import { requireTokenSlot, type TokenChoice, type TokenSlot } from './token-slot.js'

/**
 * What a chosen token says of itself, without a login: its label and serial number name it from then on.
 * @throws Refusal `TOKEN_MODULE`, `TOKEN_FAILED`
 */
export function lookUpToken(modulePath: string, choice: TokenChoice): TokenSlot {
  const module = openModule(modulePath)
  try {
    return requireTokenSlot(module.cryptoki, choice)
  } finally {
    module.release()
  }
}
