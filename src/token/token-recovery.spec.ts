import { beforeEach, describe, expect, it } from '@jest/globals'
import { ScriptedToken } from '../../test/support/scripted-cryptoki.js'
import { utf8 } from '../domain/bytes.js'
import { ED25519, nativeAlgorithms } from '../domain/cose/algorithms.js'
import { Refusal } from '../domain/refusal.js'
import { CKF } from './cryptoki.js'
import { generateKey } from './generate-key.js'
import { Pkcs11Token } from './pkcs11-token.js'
import type { SigningAccess } from './token-opening.js'
import type { TokenKey } from './token.port.js'

const message = utf8('message')
let script: ScriptedToken
let key: TokenKey
beforeEach(async () => {
  script = new ScriptedToken()
  key = await generateKey(script.access(), { role: 'manifest-a', algorithm: ED25519 }, () => script)
})

/** Opens the token and forgets the calls that this took. */
async function open(change: Partial<SigningAccess> = {}): Promise<Pkcs11Token> {
  const token = await Pkcs11Token.open(script.access(change), () => script)
  script.calls.length = 0
  return token
}
const sign = (token: Pkcs11Token): Promise<Uint8Array> => token.sign(key.keyId, ED25519, message)
const expectRight = (signature: Uint8Array): void =>
  expect(nativeAlgorithms.get(ED25519)?.verify(key.key, message, signature)).toBe(true)
const failure = (why: string): Error =>
  expect.objectContaining({ code: 'TOKEN_FAILED', detail: { step: expect.any(String), why } }) as unknown as Error

// Written out, so that a row that leaves the table is missed here.
const freshSession = ['CKR_OPERATION_ACTIVE', 'CKR_OPERATION_NOT_INITIALIZED', 'CKR_FUNCTION_CANCELED']
const reopen = [
  'CKR_SESSION_CLOSED',
  'CKR_SESSION_HANDLE_INVALID',
  'CKR_KEY_HANDLE_INVALID',
  'CKR_OBJECT_HANDLE_INVALID',
  'CKR_USER_NOT_LOGGED_IN',
  'CKR_DEVICE_REMOVED',
  'CKR_TOKEN_NOT_PRESENT',
  'CKR_TOKEN_NOT_RECOGNIZED',
  'CKR_CRYPTOKI_NOT_INITIALIZED',
  'CKR_DEVICE_ERROR',
  'CKR_GENERAL_ERROR',
  'CKR_FUNCTION_FAILED',
]

describe('a signature', () => {
  it.each(freshSession)('that meets %s is made in another session, without a new login', async (result) => {
    const token = await open()
    script.fail('C_SignAsync', result)
    expectRight(await sign(token))
    expect([script.count('C_Login'), script.count('C_OpenSession')]).toEqual([0, 1])
    script.fail('C_SignInit', result)
    expectRight(await sign(token))
    // Once, and not for ever.
    script.fail('C_SignAsync', result, result)
    await expect(sign(token)).rejects.toEqual(failure(result))
    expectRight(await sign(token))
  })

  it.each(reopen)('that meets %s is made after the token was opened again', async (result) => {
    const token = await open()
    for (const method of ['C_SignInit', 'C_SignAsync'] as const) {
      script.calls.length = 0
      script.fail(method, result)
      expectRight(await sign(token))
      expect(script.count('C_Login')).toBe(1)
    }
  })

  it.each(reopen)('is refused while every call meets %s, and made when the token is back', async (result) => {
    const token = await open()
    script.fail('C_SignInit', result)
    script.fail('C_GetSlotList', result, result)
    await expect(sign(token)).rejects.toEqual(failure(result))
    // A module that was started anew may find what it did not find before.
    expect(script.restarts).toBe(1)
    script.fail('C_GetSlotList', result)
    expectRight(await sign(token))
    expect(script.restarts).toBe(2)
    expectRight(await sign(token))
    expect(script.restarts).toBe(2)
  })

  it.each([
    'CKR_MECHANISM_INVALID',
    'CKR_KEY_FUNCTION_NOT_PERMITTED',
    'CKR_KEY_TYPE_INCONSISTENT',
    'CKR_DATA_LEN_RANGE',
    'CKR_BUFFER_TOO_SMALL',
    'CKR_ATTRIBUTE_SENSITIVE',
    'CKR_DEVICE_MEMORY',
    'CKR_HOST_MEMORY',
    'CKR_FUNCTION_NOT_SUPPORTED',
  ])('that meets %s is refused with its name and spoils nothing', async (result) => {
    const token = await open()
    script.fail('C_SignAsync', result)
    await expect(sign(token)).rejects.toEqual(failure(result))
    expectRight(await sign(token))
    expect([script.count('C_Login'), script.restarts]).toEqual([0, 0])
  })

  it('is made once for all callers that lost the token together', async () => {
    const token = await open({ sessions: 4 })
    script.lose()
    for (const signature of await Promise.all(Array.from({ length: 20 }, () => sign(token)))) expectRight(signature)
    expect(script.count('C_Login')).toBe(1)
  })

  it('is refused by the first failure where others use the module, which is then not ours to restart', async () => {
    script.canRestart = false
    const token = await open()
    script.fail('C_SignInit', 'CKR_TOKEN_NOT_PRESENT')
    script.fail('C_GetSlotList', 'CKR_TOKEN_NOT_PRESENT')
    await expect(sign(token)).rejects.toEqual(failure('CKR_TOKEN_NOT_PRESENT'))
    expectRight(await sign(token))
  })
})

describe('a login', () => {
  it.each([
    ['CKR_PIN_INCORRECT', 'the token does not accept this PIN'],
    ['CKR_PIN_INVALID', 'the PIN has characters that the token does not take'],
    ['CKR_PIN_LEN_RANGE', 'the PIN is too short or too long for the token'],
    ['CKR_PIN_EXPIRED', 'the PIN has expired and must be changed'],
    ['CKR_PIN_LOCKED', 'the PIN is locked after too many wrong tries'],
    ['CKR_USER_PIN_NOT_INITIALIZED', 'the token has no user PIN yet'],
  ])('that meets %s is never tried again', async (result, why) => {
    const token = await open()
    script.lose()
    script.fail('C_Login', result)
    for (let attempt = 0; attempt < 3; attempt += 1)
      await expect(sign(token)).rejects.toEqual(new Refusal('TOKEN_PIN', { why }))
    expect([script.count('C_Login'), script.restarts]).toEqual([1, 0])
    script.fail('C_Login', result)
    await expect(open()).rejects.toEqual(new Refusal('TOKEN_PIN', { why }))
  })

  it.each([
    ['one try left', CKF.USER_PIN_FINAL_TRY, 'one try is left before the token locks; log in once with its own tool'],
    ['a locked PIN', CKF.USER_PIN_LOCKED, 'the PIN is locked after too many wrong tries'],
  ])('is not tried with %s', async (_, flag, why) => {
    script.tokenFlags |= flag
    script.calls.length = 0
    await expect(open()).rejects.toEqual(new Refusal('TOKEN_PIN', { why }))
    expect(script.count('C_Login')).toBe(0)
  })

  it('that was made already is good', async () => {
    script.fail('C_Login', 'CKR_USER_ALREADY_LOGGED_IN')
    // The other user's login is what ours hangs on.
    script.C_Login(script.C_OpenSession())
    expectRight(await sign(await open()))
  })

  it.each(['CKR_USER_ANOTHER_ALREADY_LOGGED_IN', 'CKR_USER_TOO_MANY_TYPES', 'CKR_DEVICE_ERROR'])(
    'that meets %s is refused, and the session let go',
    async (result) => {
      script.mostSessions = 2
      for (let attempt = 0; attempt < 3; attempt += 1) {
        script.fail('C_Login', result)
        await expect(open()).rejects.toEqual(failure(result))
      }
      expectRight(await sign(await open()))
    },
  )
})

describe('a token that is smaller than we are', () => {
  it('gives the sessions that it has', async () => {
    script.mostSessions = 4
    const token = await open({ sessions: 8 })
    expect(token.capabilities.sessions).toBe(3)
    for (const signature of await Promise.all(Array.from({ length: 12 }, () => sign(token)))) expectRight(signature)
  })

  it('has one signature at a time where several at once come out wrong', async () => {
    script.mostParallel = 1
    const token = await open({ sessions: 8 })
    expect(token.capabilities.sessions).toBe(1)
    for (const signature of await Promise.all(Array.from({ length: 12 }, () => sign(token)))) expectRight(signature)
  })

  it('without a session to spare is refused', async () => {
    script.mostSessions = 1
    await expect(open()).rejects.toEqual(failure('CKR_SESSION_COUNT'))
  })

  it('has one signature at a time where a key asks for the PIN each time, and gets the PIN each time', async () => {
    const careful = await generateKey(
      script.access(),
      { role: 'krl', algorithm: ED25519, alwaysAuthenticate: true },
      () => script,
    )
    const token = await open({ sessions: 8 })
    expect(token.capabilities).toMatchObject({ sessions: 1, asksEachTime: [careful.keyId] })
    await Promise.all(Array.from({ length: 5 }, () => token.sign(careful.keyId, ED25519, message)))
    expect(script.count('C_Login')).toBe(5)
    script.calls.length = 0
    expectRight(await sign(token))
    expect(script.count('C_Login')).toBe(0)
  })

  it('is not asked for a signature that nobody wanted, where probes are off', async () => {
    script.calls.length = 0
    const token = await Pkcs11Token.open(script.access({ isProbed: false, sessions: 4 }), () => script)
    expect(script.count('C_SignInit')).toBe(0)
    expectRight(await sign(token))
  })
})

describe('a curve', () => {
  it('is asked for in every spelling until the token takes one', async () => {
    script.curves = ['06032b6570']
    const made = await generateKey(script.access(), { role: 'krl', algorithm: ED25519 }, () => script)
    expect(made.role).toBe('krl')
    script.curves = ['06032b6571']
    await expect(generateKey(script.access(), { role: 'krl', algorithm: ED25519 }, () => script)).rejects.toEqual(
      failure('CKR_DOMAIN_PARAMS_INVALID'),
    )
  })

  it('that meets any other failure is not asked for again', async () => {
    script.fail('C_GenerateKeyPair', 'CKR_TEMPLATE_INCONSISTENT')
    script.calls.length = 0
    await expect(generateKey(script.access(), { role: 'krl', algorithm: ED25519 }, () => script)).rejects.toEqual(
      failure('CKR_TEMPLATE_INCONSISTENT'),
    )
    expect(script.count('C_GenerateKeyPair')).toBe(1)
  })
})

describe('an attestation', () => {
  it('is asked for each key with the serial number of the token, and its no is final', async () => {
    const asked: string[] = []
    const attestation = {
      requireAttested: async (about: TokenKey, serial: string) => void asked.push(`${about.keyId} ${serial}`),
    }
    await open({ attestation })
    expect(asked).toEqual([`${key.keyId} 1`])
    const no = new Refusal('TOKEN_NOT_ATTESTED', { keyId: key.keyId, why: 'signed by nobody we know' })
    script.calls.length = 0
    await expect(open({ attestation: { requireAttested: () => Promise.reject(no) } })).rejects.toEqual(no)
    expect(script.count('C_SignInit')).toBe(0)
  })
})
