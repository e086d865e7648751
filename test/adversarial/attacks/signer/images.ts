import { without, type SignerAttack } from '../../signer-attack.js'
import type { SignerScene } from '../../signer-scene.js'
import { imageOf, piecesOf } from '../../../support/signer-fixture.js'
import { judge } from '../../signer-verdict.js'
import type { Verdict } from '../../verdict.js'

const AT_ONCE = 20
const A_DAY = 1_000

async function hash(scene: SignerScene, seed: number): Promise<Verdict> {
  const image = imageOf(seed, 16)
  return judge((await scene.freshReleaseSigner()).hashImage(piecesOf(image), image.length))
}

/** Check 6, where nothing is signed and something is remembered all the same. */
export const imageAttacks: readonly SignerAttack[] = [
  {
    name: 'images-without-end',
    threat: 'row 3',
    does: 'has small images hashed, each of them new and each a record, until the disk of the signer is full',
    run: async (scene) => {
      await scene.freshReleaseSigner()
      for (let seed = 0; seed < A_DAY; seed += AT_ONCE)
        await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => scene.must(hash(scene, seed + index))))
      return hash(scene, A_DAY)
    },
    expected: { step: 6, code: 'RATE_EXCEEDED' },
    guard: without('src/signer/checks/image.check.ts', 'if (imagesInDay >= MOST_PER_DAY)', 'if (false)'),
  },
]
