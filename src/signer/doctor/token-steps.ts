import { statSync } from 'node:fs'
import { readPin } from '../../token/pin-file.js'
import type { TokenInspection } from '../../token/token-inspection.js'
import type { TokenKey } from '../../token/token.port.js'
import type { TokenConfig } from '../config.js'
import type { Finding, Step } from './step.js'

/** What the steps after these want to know of the token. */
export interface TokenFindings {
  keys: readonly TokenKey[]
}

/** From the file of the module to a signature that verifies, in the order in which a start takes them. */
export function tokenSteps(config: TokenConfig, token: TokenInspection, findings: TokenFindings): Step[] {
  const { PKCS11_MODULE: modulePath, PKCS11_PIN_FILE: pinFile } = config
  return [
    {
      name: 'module file',
      needs: [],
      next: 'PKCS11_MODULE names the PKCS#11 library of the token; install the vendor’s package, and show it to the sandbox',
      look: () => {
        token.requireModuleFile()
        return { found: modulePath }
      },
    },
    {
      name: 'module',
      needs: ['module file'],
      next: 'it is no PKCS#11 library, lacks a library of its own (ldd), or lacks its settings (SOFTHSM2_CONF, TPM2_PKCS11_TCTI, …)',
      look: () => {
        token.load()
        return { found: 'loads and starts' }
      },
    },
    {
      name: 'slots',
      needs: ['module'],
      next: 'the module sees no token: plugged in, allowed to this user, its service running?',
      look: () => ({ found: list(token.listSlots().map(({ label, slotId }) => `${slotId}: "${label}"`)) }),
    },
    {
      name: 'token',
      needs: ['slots'],
      next: 'PKCS11_TOKEN_LABEL is the label of one initialised token; in profile production, one in hardware',
      look: () => {
        const { label, serial, manufacturer, model, firmware } = token.findToken()
        return { found: `"${label}", serial ${serial}, ${manufacturer} ${model} ${firmware}` }
      },
    },
    {
      name: 'PIN',
      needs: [],
      next: 'put the user PIN into the first line of a file that this user alone can read: PKCS11_PIN_FILE, or the credential "pin"',
      look: () => lookAtPin(pinFile),
    },
    {
      name: 'login',
      needs: ['token', 'PIN'],
      next: 'the token refuses this PIN: put the right one into the file before the next try, since a few wrong ones lock it',
      look: () => {
        token.logIn()
        return { found: 'the token takes the PIN' }
      },
    },
    {
      name: 'keys',
      needs: ['login'],
      next: 'make keys with "keygen --role ROLE", or remove what is no key pair of ours from this token',
      look: () => {
        findings.keys = token.findKeys()
        return { found: list(findings.keys.map(({ role, keyId }) => `${role} ${keyId.slice(0, 16)}…`)) }
      },
    },
    {
      name: 'attributes',
      needs: ['keys'],
      next: 'a key that could leave the token or do more than sign is never used: make a new one with "keygen", list it in the next root',
      look: () => {
        token.requireAttributes()
        return { found: 'no key can leave the token, or do more than sign' }
      },
    },
    {
      name: 'mechanisms',
      needs: ['keys'],
      next: 'the token does not sign with the algorithm of its key: "keygen --algorithm esp256", and -9 among the algorithms of the root',
      look: () => {
        token.requireMechanisms()
        return { found: 'the token signs with every key’s algorithm' }
      },
    },
    {
      name: 'signatures',
      needs: ['attributes', 'mechanisms'],
      next: 'the step and the result that are named are the token’s own: look for the CKR_ result in docs/tokens.md',
      look: async () => {
        const { sessions, asksEachTime } = await token.sign()
        return {
          found: `each key signed twice and verified; ${sessions} at once; ${asksEachTime.length} ask for the PIN each time`,
        }
      },
    },
  ]
}

const list = (words: readonly string[]): string => (words.length === 0 ? 'none' : words.join(', '))

function lookAtPin(path: string): Finding {
  readPin(path)
  const found = `in ${path}`
  const isOpen = (statSync(path).mode & 0o007) !== 0
  return isOpen ? { found, warning: `every user of this machine may open it: chmod o= ${path}` } : { found }
}
