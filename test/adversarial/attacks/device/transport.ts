import type { DeviceAttack } from '../../device-attack.js'
import { endlessAnswer } from './transport/endless-answer.js'
import { endlessPayload } from './transport/endless-payload.js'
import { endlessRefusals } from './transport/endless-refusals.js'
import { endlessRootDocument } from './transport/endless-root-document.js'
import { endlessRoots } from './transport/endless-roots.js'
import { slowAnswer } from './transport/slow-answer.js'
import { slowPayload } from './transport/slow-payload.js'

export const transportAttacks: readonly DeviceAttack[] = [
  endlessPayload,
  endlessAnswer,
  endlessRootDocument,
  endlessRoots,
  endlessRefusals,
  slowPayload,
  slowAnswer,
]
