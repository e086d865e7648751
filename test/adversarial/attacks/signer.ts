import type { Attack } from '../attack.js'
import { onSigner } from '../signer-attack.js'
import { approvalAttacks } from './signer/approvals.js'
import { authorityAttacks } from './signer/authority.js'
import { certificateAttacks } from './signer/certificates.js'
import { clockAttacks } from './signer/clock.js'
import { conditionAttacks } from './signer/conditions.js'
import { imageAttacks } from './signer/images.js'
import { krlAttacks } from './signer/krl.js'
import { machineAttacks } from './signer/machines.js'
import { manifestAttacks } from './signer/manifest.js'
import { onceAttacks } from './signer/once.js'
import { onlineAttacks } from './signer/online.js'
import { planAttacks } from './signer/plan.js'
import { requestAttacks } from './signer/requests.js'
import { restoredAttacks } from './signer/restored.js'
import { shownAttacks } from './signer/shown.js'
import { submissionAttacks } from './signer/submission.js'
import { tokenAttacks } from './signer/token.js'
import { trustAttacks } from './signer/trust.js'

/** What is tried on both signers, in the order of their checks. */
export const signerAttacks: readonly Attack[] = [
  ...requestAttacks,
  ...restoredAttacks,
  ...clockAttacks,
  ...trustAttacks,
  ...submissionAttacks,
  ...imageAttacks,
  ...manifestAttacks,
  ...krlAttacks,
  ...approvalAttacks,
  ...machineAttacks,
  ...shownAttacks,
  ...conditionAttacks,
  ...onceAttacks,
  ...onlineAttacks,
  ...planAttacks,
  ...certificateAttacks,
  ...authorityAttacks,
  ...tokenAttacks,
].map(onSigner)
