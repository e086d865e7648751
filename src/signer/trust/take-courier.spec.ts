import { expect, it } from '@jest/globals'
import { makeSoftKeys } from '../../../test/support/soft-key.js'
import { rootKeyOf, signPolicy, TrustFixture } from '../../../test/support/trust-fixture.js'
import { anchoredTrust, holdDocument, type HeldTrust } from '../../domain/signer-journal/held-trust.js'
import type { SignerState } from '../signer-state.js'
import { takeCourier } from './take-courier.js'

const trust = await TrustFixture.make()
const { now, policy, policyBytes, policyKeys, root, rootBytes } = trust

/** The part of a signer's state that documents go through; what is recorded is noted. */
function stateWith(held: HeldTrust): { state: SignerState; recorded: string[] } {
  const recorded: string[] = []
  const state = {
    held,
    record: ({ entry }: { entry: { kind: 'root' | 'policy' | 'krl'; bytes: Uint8Array } }): Promise<void> => {
      state.held = holdDocument(state.held, entry.kind, entry.bytes, now)
      recorded.push(entry.kind)
      return Promise.resolve()
    },
  }
  return { state: state as unknown as SignerState, recorded }
}

it('a policy is recorded once, whoever of its holders signed it, and again when its signatures count no more', async () => {
  const { state, recorded } = stateWith(anchoredTrust(rootBytes))
  const others = await signPolicy(policy, policyKeys.toReversed())
  for (const bytes of [policyBytes, policyBytes, others, policyBytes, others])
    await takeCourier(state, { roots: [], policy: bytes, krl: null }, now)
  expect(recorded).toEqual(['policy'])

  // The next root has other holders of policies: what was signed before them counts no more, the same signed by them does.
  const successors = makeSoftKeys(2)
  const keys = new Map([...root.keys, ...successors.map((key) => [key.keyIdHex, rootKeyOf(key, now)] as const)])
  const roles = new Map(root.roles).set('policy', { threshold: 2, keyIds: successors.map(({ keyIdHex }) => keyIdHex) })
  const { bytes } = await trust.nextRoot({ keys, roles })
  const reSigned = await signPolicy(policy, successors)
  await takeCourier(state, { roots: [bytes], policy: reSigned, krl: null }, now)
  expect(recorded).toEqual(['policy', 'root', 'policy'])
  expect(state.held.policy?.bytes).toEqual(reSigned)
})
