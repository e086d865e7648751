import type { DeviceAttack } from '../../device-attack.js'
import { algorithmConfusedAssignment } from './signatures/algorithm-confused-assignment.js'
import { algorithmOfAnotherKey } from './signatures/algorithm-of-another-key.js'
import { algorithmTheRootDropped } from './signatures/algorithm-the-root-dropped.js'
import { attachedPayload } from './signatures/attached-payload.js'
import { criticalHeader } from './signatures/critical-header.js'
import { ecdsaOfAnyCurve } from './signatures/ecdsa-of-any-curve.js'
import { eddsaOfAnyCurve } from './signatures/eddsa-of-any-curve.js'
import { emptySignature } from './signatures/empty-signature.js'
import { forgedKrl } from './signatures/forged-krl.js'
import { labelOfAnotherDocument } from './signatures/label-of-another-document.js'
import { macBesideASignature } from './signatures/mac-beside-a-signature.js'
import { macForAKrl } from './signatures/mac-for-a-krl.js'
import { multiSignatureBlock } from './signatures/multi-signature-block.js'
import { nameOfTheRealKey } from './signatures/name-of-the-real-key.js'
import { reorderedBlocks } from './signatures/reordered-blocks.js'
import { reorderedRootSignatures } from './signatures/reordered-root-signatures.js'
import { secondFormOfASignature } from './signatures/second-form-of-a-signature.js'
import { tooManyBlocks } from './signatures/too-many-blocks.js'
import { tooManyRootSignatures } from './signatures/too-many-root-signatures.js'
import { unprotectedHeader } from './signatures/unprotected-header.js'
import { zeroSignature } from './signatures/zero-signature.js'

export const signaturesAttacks: readonly DeviceAttack[] = [
  emptySignature,
  zeroSignature,
  nameOfTheRealKey,
  forgedKrl,
  secondFormOfASignature,
  reorderedBlocks,
  reorderedRootSignatures,
  eddsaOfAnyCurve,
  ecdsaOfAnyCurve,
  algorithmOfAnotherKey,
  algorithmConfusedAssignment,
  algorithmTheRootDropped,
  macBesideASignature,
  macForAKrl,
  multiSignatureBlock,
  labelOfAnotherDocument,
  attachedPayload,
  unprotectedHeader,
  criticalHeader,
  tooManyBlocks,
  tooManyRootSignatures,
]
