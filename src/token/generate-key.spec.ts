import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { createScratchToken, type ScratchToken } from '../../test/support/scratch-token.js'
import { fromHex, utf8 } from '../domain/bytes.js'
import { ED25519, ESP256, nativeAlgorithms } from '../domain/cose/algorithms.js'
import { keyIdHexOf } from '../domain/cose/cose-key.js'
import { Refusal } from '../domain/refusal.js'
import { openModule } from './cryptoki-module.js'
import { CKA, CKO } from './cryptoki.js'
import { generateKey } from './generate-key.js'
import { Pkcs11Token } from './pkcs11-token.js'
import { closeSession, openTokenSession } from './token-session.js'

let scratch: ScratchToken
beforeAll(() => {
  scratch = createScratchToken()
})
afterAll(() => scratch.dispose())

/** Labels of all objects of one class. */
function labels(objectClass: number): string[] {
  const module = openModule(scratch.modulePath)
  const { cryptoki } = module
  const { session } = openTokenSession(cryptoki, scratch, 'read')
  cryptoki.C_FindObjectsInit(session, [{ type: CKA.CLASS, value: objectClass }])
  const found = cryptoki
    .C_FindObjects(session, 100)
    .map((handle) => String(cryptoki.C_GetAttributeValue(session, handle, [{ type: CKA.LABEL }])[0]?.value))
  cryptoki.C_FindObjectsFinal(session)
  closeSession(cryptoki, session)
  module.release()
  return found.sort()
}

it.each([
  ['Ed25519', ED25519, {}],
  ['Ed25519 by the OID of the curve', ED25519, { curveParameter: fromHex('06032b6570') }],
  ['ESP256', ESP256, {}],
  ['Ed25519 that asks for the PIN each time', ED25519, { alwaysAuthenticate: true }],
])('generates a key of %s that signs', async (_, algorithm, options) => {
  const made = await generateKey(scratch, { role: 'manifest-a', algorithm, ...options })
  expect(made).toMatchObject({ role: 'manifest-a', algorithm, keyId: keyIdHexOf(made.key) })
  expect(made.label).toMatch(/^manifest-a [0-9a-f]{16}$/)
  expect(labels(CKO.PRIVATE_KEY)).toContain(made.label)
  expect(labels(CKO.PUBLIC_KEY)).toContain(`manifest-a ${made.keyId}`)
  const token = await Pkcs11Token.open({ ...scratch, keys: [made.keyId], sessions: 2 })
  const signatures = await Promise.all(
    ['one', 'two', 'three'].map((text) => token.sign(made.keyId, algorithm, utf8(text))),
  )
  await token.close()
  for (const [index, text] of ['one', 'two', 'three'].entries())
    expect(nativeAlgorithms.get(algorithm)?.verify(made.key, utf8(text), signatures[index] ?? utf8(''))).toBe(true)
})

it('refuses a role that could not be told from its tag, and an algorithm it has not', async () => {
  for (const role of ['', 'manifest a', 'Manifest', '-a'])
    await expect(generateKey(scratch, { role, algorithm: ED25519 })).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      detail: { field: 'role' },
    })
  await expect(generateKey(scratch, { role: 'krl', algorithm: -8 })).rejects.toEqual(
    new Refusal('ALGORITHM_NOT_ALLOWED', { alg: -8 }),
  )
})

it('refuses a software token where hardware is wanted, and makes nothing there', async () => {
  const before = labels(CKO.PRIVATE_KEY)
  await expect(
    generateKey({ ...scratch, refuseSoftToken: true }, { role: 'krl', algorithm: ED25519 }),
  ).rejects.toMatchObject({ code: 'TOKEN_MODULE', detail: { step: 'check the manufacturer' } })
  expect(labels(CKO.PRIVATE_KEY)).toEqual(before)
})

it('destroys both halves of a pair that fails its checks', async () => {
  const before = [labels(CKO.PRIVATE_KEY), labels(CKO.PUBLIC_KEY)]
  // Curve P-384: SoftHSM makes the pair, the check of the point refuses it.
  const curveParameter = fromHex('06052b81040022')
  await expect(generateKey(scratch, { role: 'krl', algorithm: ESP256, curveParameter })).rejects.toMatchObject({
    code: 'TOKEN_KEY_ATTRIBUTE',
    detail: { attribute: 'CKA_EC_POINT' },
  })
  expect([labels(CKO.PRIVATE_KEY), labels(CKO.PUBLIC_KEY)]).toEqual(before)
})
