import type { Attack } from '../attack.js'
import { onDevice } from '../device-attack.js'
import { bytesAttacks } from './device/bytes.js'
import { enrolmentAttacks } from './device/enrolment.js'
import { keysAttacks } from './device/keys.js'
import { signaturesAttacks } from './device/signatures.js'
import { softwareAttacks } from './device/software.js'
import { timeAttacks } from './device/time.js'
import { transportAttacks } from './device/transport.js'
import { versionsAttacks } from './device/versions.js'

/** What is tried on a device, topic by topic. */
export const deviceAttacks: readonly Attack[] = [
  ...softwareAttacks,
  ...versionsAttacks,
  ...keysAttacks,
  ...signaturesAttacks,
  ...bytesAttacks,
  ...timeAttacks,
  ...transportAttacks,
  ...enrolmentAttacks,
].map(onDevice)
