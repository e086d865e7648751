import type { FixtureOptions } from '../support/trust-fixture.js'
import type { Attack, AttackFacts } from './attack.js'
import { Scene } from './scene.js'
import type { Verdict } from './verdict.js'

/** An attack on one device, by way of a server that lies. */
export interface DeviceAttack extends AttackFacts {
  readonly fixture?: FixtureOptions
  readonly run: (scene: Scene) => Promise<Verdict>
}

/** The attack with a device and a server of its own. */
export function onDevice({ fixture, run, ...facts }: DeviceAttack): Attack {
  return {
    ...facts,
    group: 'device',
    run: async () => {
      const scene = await Scene.make(fixture)
      try {
        return await run(scene)
      } finally {
        await scene.close()
      }
    },
  }
}
