import type { Attack } from './attack.js'
import { deviceAttacks } from './attacks/device.js'
import { journalAttacks } from './attacks/journal.js'
import { signerAttacks } from './attacks/signer.js'

/** Every attack there is, group by group. */
export const attacks: readonly Attack[] = [...deviceAttacks, ...signerAttacks, ...journalAttacks]
