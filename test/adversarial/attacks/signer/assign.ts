import type { SignerAttack } from '../../signer-attack.js'
import type { AssignWish, SignerScene } from '../../signer-scene.js'

/** One release is signed and published; then an assignment is asked for that should not be had. */
export const assign = (
  name: string,
  threat: string,
  does: string,
  wish: AssignWish | ((scene: SignerScene, digest: Uint8Array) => Promise<AssignWish>),
  [step, code]: readonly [number, SignerAttack['expected']['code']],
  guard: SignerAttack['guard'],
  fixture: SignerAttack['fixture'] = {},
): SignerAttack => ({
  name,
  threat,
  does,
  fixture,
  run: async (scene) => {
    const { digest } = await scene.signRelease()
    await scene.onlineSigner()
    return scene.assign({ digest, ...(typeof wish === 'function' ? await wish(scene, digest) : wish) })
  },
  expected: { step, code },
  guard,
})
