import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sha256 } from '../../domain/bytes.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { checkEnvelope } from '../../domain/trust/check-envelope.js'
import { takeKrl } from '../../domain/trust/take-krl.js'
import { anchorState } from '../../domain/trust/trust-state.js'
import type { SignerClient } from '../../server/signing/signer-client.js'
import { imageOf, piecesOf, SignerFixture } from '../../../test/support/signer-fixture.js'

let fixture: SignerFixture
let release: SignerClient
let krl: Uint8Array
beforeAll(async () => {
  fixture = await SignerFixture.make()
  release = await fixture.start('release')
  krl = await fixture.signFirstKrl(release)
})
afterAll(() => fixture.dispose())

describe('release signer', () => {
  it('hashes an image itself and knows it afterwards', async () => {
    const image = imageOf(500, 3_000_001)
    expect(await release.request('knows-image', { imageSha256: sha256(image) })).toEqual({ known: false })
    expect(await release.hashImage(piecesOf(image, 65_536), image.length)).toEqual(sha256(image))
    expect(await release.request('knows-image', { imageSha256: sha256(image) })).toEqual({ known: true })
  })

  it('signs a release that the check of devices accepts', async () => {
    const { envelope, digest } = await fixture.signRelease(release, 1)
    const anchored = anchorState(fixture.trust.rootBytes, nativeAlgorithms)
    const state = takeKrl(anchored, krl, fixture.clock.seconds, nativeAlgorithms)
    const checked = checkEnvelope(state, envelope, digest, fixture.clock.seconds, nativeAlgorithms)
    expect(checked.manifest.sequence).toBe(1)
    expect(checked.countedKeyIds).toEqual([fixture.keyIds.get('manifest-a')])
  })

  it('judges releases in the order in which they were asked for: none is overtaken by those that come at the same time', async () => {
    const image = imageOf(1)
    const wishes = Array.from({ length: 24 }, (_, n) => n + 2)
    const requests = await Promise.all(wishes.map((sequence) => fixture.signRequest(sequence, { image })))
    const answers = await Promise.allSettled(requests.map((request) => release.request('sign', request)))
    expect(answers.filter(({ status }) => status === 'rejected')).toEqual([])
  })

  it('says what it holds', async () => {
    expect(await release.request('status', {})).toMatchObject({
      namespace: 'gateway/prod',
      process: 'release',
      rootVersion: 1,
      policyVersion: 1,
      krlNumber: 1,
      sandboxed: false,
    })
  })
})
