import type { SignerFixtureOptions } from '../support/signer-fixture.js'
import type { Edit } from '../support/edited-source.js'
import type { Attack, AttackFacts } from './attack.js'
import { SignerScene } from './signer-scene.js'
import type { Verdict } from './verdict.js'

/** An attack on the signers by whoever owns the server, its disk and both sockets. */
export interface SignerAttack extends AttackFacts {
  readonly fixture?: SignerFixtureOptions
  readonly run: (scene: SignerScene) => Promise<Verdict>
}

/** The attack with signers and a namespace of its own. */
export function onSigner({ fixture, run, ...facts }: SignerAttack): Attack {
  return {
    ...facts,
    group: 'signer',
    run: async () => {
      const scene = await SignerScene.make(fixture)
      try {
        return await run(scene)
      } finally {
        await scene.close()
      }
    },
  }
}

/** The one line that stops an attack; nothing in its place unless something is given. */
export const without = (file: string, find: string, replace = ''): readonly [Edit] => [{ file, find, replace }]
