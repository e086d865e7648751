import type { DeviceAttack } from '../../device-attack.js'
import { anchorsAtEnrolment } from './enrolment/anchors-at-enrolment.js'
import { answerForAnotherDevice } from './enrolment/answer-for-another-device.js'
import { nameOfAnotherDevice } from './enrolment/name-of-another-device.js'

export const enrolmentAttacks: readonly DeviceAttack[] = [
  anchorsAtEnrolment,
  nameOfAnotherDevice,
  answerForAnotherDevice,
]
