import type { Root } from '../../src/domain/trust/root.js'
import { makeSoftKeys, type SoftKey } from '../support/soft-key.js'
import { signRoot, type TrustFixture } from '../support/trust-fixture.js'
import { DAY } from './scene.js'
import { rootListing } from './thief.js'

/**
 * The monthly roots from 1 up to that of `trust`, whose holders changed on the way. Every key and every document of
 * the past is long past its life.
 * @returns root 1, as it is in the firmware, and the roots after it.
 */
export async function rootsOfTwoYears(trust: TrustFixture): Promise<{ embedded: Uint8Array; chain: Uint8Array[] }> {
  const last = trust.root.version
  const [first, ...others] = makeSoftKeys(3)
  if (first === undefined) throw new Error('no holders')
  const oldHolders = [first, ...others]
  const newHolders = trust.rootKeys
  const mixed = [first, ...newHolders.slice(0, 2)]
  const half = Math.floor(last / 2)
  const signed = (version: number): Promise<Uint8Array> => {
    if (version < half) return signRoot(rootOf(trust, version, oldHolders), oldHolders)
    // At the change the old threshold signs as well as the new one, and then the other way round.
    if (version === half) return signRoot(rootOf(trust, version, mixed), [...oldHolders, ...newHolders.slice(0, 1)])
    return signRoot(rootOf(trust, version, newHolders), version === half + 1 ? [first, ...newHolders] : newHolders)
  }
  const roots = await Promise.all(Array.from({ length: last - 1 }, (_, index) => signed(index + 1)))
  const [embedded = new Uint8Array(0), ...between] = roots
  return { embedded, chain: [...between, trust.rootBytes] }
}

function rootOf(trust: TrustFixture, version: number, holders: readonly SoftKey[]): Root {
  const issued = trust.root.issued - (trust.root.version - version) * 30 * DAY
  const life = { notBefore: issued, notAfter: issued + 20 * DAY }
  const past = { ...trust.root, version, issued, expires: issued + 20 * DAY, keys: new Map() }
  let root: Root = { ...past, ...rootListing(past, issued, 'root', holders, { threshold: 2, life }) }
  for (const role of ['policy', 'manifest-a', 'krl', 'emergency-krl', 'assignment', 'freshness'] as const)
    root = { ...root, ...rootListing(root, issued, role, makeSoftKeys(1), { life }) }
  return root
}
