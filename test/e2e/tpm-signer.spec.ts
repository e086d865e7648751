import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { toHex } from '../../src/domain/bytes.js'
import { ED25519, ESP256, strictAlgorithms } from '../../src/domain/cose/algorithms.js'
import { buildSign1 } from '../../src/domain/cose/sign1.js'
import { parseEnvelope } from '../../src/domain/suit/envelope.js'
import { acceptUpdate } from '../../src/domain/trust/accept-update.js'
import { encodeAssignment } from '../../src/domain/trust/assignment.js'
import { encodeFreshness } from '../../src/domain/trust/freshness.js'
import { labelOf } from '../../src/domain/trust/labels.js'
import { anchorState, sha256Hex } from '../../src/domain/trust/trust-state.js'
import { examine, machineParts } from '../../src/signer/doctor/doctor.js'
import { runKeygen } from '../../src/signer/keygen.js'
import { generateKey } from '../../src/token/generate-key.js'
import { Pkcs11Token } from '../../src/token/pkcs11-token.js'
import type { SignerClient } from '../../src/server/signing/signer-client.js'
import { isTpmExpected, ScratchTpm } from '../support/scratch-tpm.js'
import { imageOf, piecesOf, SignerFixture } from '../support/signer-fixture.js'
import type { PublicKey } from '../support/soft-key.js'
import { CLASS_ID, VENDOR_ID } from '../support/trust-fixture.js'

jest.setTimeout(60_000)
const onLinux = isTpmExpected ? describe : describe.skip

onLinux('a release signer whose keys are in a TPM', () => {
  let tpm: ScratchTpm
  let fixture: SignerFixture
  let release: SignerClient
  let krl: Uint8Array
  beforeAll(async () => {
    tpm = await ScratchTpm.create()
    const keys = new Map<string, PublicKey>()
    for (const role of ['manifest-a', 'krl']) {
      const { key, keyId, algorithm } = await generateKey(tpm, { role, algorithm: ESP256 })
      keys.set(role, { key, alg: algorithm, keyIdHex: keyId })
      await tpm.powerCycle()
    }
    const token = {
      scratch: tpm,
      keys,
      open: () => Pkcs11Token.open({ ...tpm.access, keys: [], sessions: 8 }),
      dispose: () => Promise.resolve(),
    }
    fixture = await SignerFixture.make({ root: { algorithms: [ED25519, ESP256] } }, { token })
    release = await fixture.start('release')
    krl = await fixture.signFirstKrl(release)
  })
  afterAll(async () => {
    // Of what did not come to be there is nothing to end.
    for (const part of [fixture, tpm] as ({ dispose(): Promise<void> } | undefined)[]) await part?.dispose()
  })

  /** What a device of the fleet says to this envelope; assignment and freshness are those of an online signer. */
  async function accepted(envelope: Uint8Array, digest: Uint8Array, sequence: number) {
    const { trust, clock } = fixture
    const deviceId = 'd'.repeat(64)
    const { namespace } = trust
    const now = clock.seconds
    const assignment = encodeAssignment({
      ...{ namespace, deviceId, rolloutId: 'rollout-1', manifestSha256: digest, sequence },
      ...{ leastKrlNumber: 1, notBefore: now - 10, expires: now + 3_600 },
    })
    const freshness = encodeFreshness({
      ...{ namespace, time: now, expires: now + 3_600, krlNumber: 1, krlSha256: sha256Of(krl) },
      ...{ rootVersion: 1 },
    })
    return acceptUpdate(
      anchorState(trust.rootBytes, strictAlgorithms),
      {
        roots: [],
        krl,
        freshness: await buildSign1(trust.roleKey('freshness'), freshness, labelOf('freshness')),
        assignment: await buildSign1(trust.roleKey('assignment'), assignment, labelOf('assignment')),
        envelope,
      },
      {
        ...{ namespace, deviceId, vendorId: VENDOR_ID, classId: CLASS_ID, algorithms: strictAlgorithms },
        ...{ clockSeconds: now, nonce: null },
      },
      () => undefined,
    )
  }
  const sha256Of = (bytes: Uint8Array): Uint8Array => new Uint8Array(Buffer.from(sha256Hex(bytes), 'hex'))

  it('signs KRL and manifests with -9, and a device takes them, each with the lower s', async () => {
    // The TPM answers with either s; one in 65,536 runs would be green without the signer's choice.
    for (let sequence = 1; sequence <= 16; sequence += 1) {
      const { envelope, digest } = await fixture.signRelease(release, sequence)
      const update = await accepted(envelope, digest, sequence)
      expect(update.manifest.sequence).toBe(sequence)
      expect(update.countedKeyIds).toEqual([fixture.keyIds.get('manifest-a')])
      const [block] = parseEnvelope(envelope).blocks
      // The protected header {1: -9, 4: keyid}.
      expect(toHex(block ?? digest)).toContain(`a20128045820${fixture.keyIds.get('manifest-a')}`)
      expect(block?.at(-32)).toBeLessThanOrEqual(0x7f)
    }
  })

  it('refuses while the TPM has no power, and signs the next release when it has', async () => {
    await tpm.pull()
    const image = imageOf(70)
    await release.hashImage(piecesOf(image), image.length)
    await expect(release.request('sign', await fixture.signRequest(70))).rejects.toMatchObject({
      detail: { code: 'TOKEN_MODULE', check: 17 },
    })
    await tpm.putBack()
    const { envelope, digest } = await fixture.signRelease(release, 71)
    expect((await accepted(envelope, digest, 71)).manifest.sequence).toBe(71)
  })

  it('names the algorithm to make keys with, where it is asked for another', async () => {
    const order = { roles: ['krl' as const], algorithm: ED25519, alwaysAuthenticate: false }
    const { modulePath, label, pinFile } = tpm
    const config = { PKCS11_MODULE: modulePath, PKCS11_TOKEN_LABEL: label, PKCS11_PIN_FILE: pinFile }
    await expect(runKeygen(order, { ...config, PROFILE: 'laptop' })).rejects.toMatchObject({
      code: 'CONFIGURATION',
      detail: { name: '--algorithm', why: expect.stringContaining('--algorithm esp256') },
    })
  })

  it('is in order to its doctor, once it has stopped', async () => {
    await fixture.stop('release')
    await tpm.powerCycle()
    const reports = await examine(
      { ...fixture.config('release') },
      { ...machineParts(), clock: fixture.clock, uptime: fixture.uptime },
    )
    expect(reports.filter(({ outcome }) => outcome !== 'ok').map(({ step }) => step)).toEqual(['sandbox'])
    expect(reports.find(({ step }) => step === 'token')?.found).toContain('IBM SW   TPM')
  })
})
