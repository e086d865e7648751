import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { ScriptedToken } from '../../test/support/scripted-cryptoki.js'
import { utf8 } from '../domain/bytes.js'
import { ED25519, nativeAlgorithms } from '../domain/cose/algorithms.js'
import { CKA } from './cryptoki.js'
import { generateKey } from './generate-key.js'
import { Pkcs11Token } from './pkcs11-token.js'

let script: ScriptedToken
let token: Pkcs11Token
let isAlone: boolean
let keyId: string
/** What a clock says that moves only while the token signs. */
let nowMs: number
beforeEach(async () => {
  script = new ScriptedToken()
  script.manufacturer = 'SoftHSM project'
  isAlone = true
  nowMs = 0
  jest.spyOn(performance, 'now').mockImplementation(() => nowMs)
  keyId = (await generateKey(script.access(), { role: 'manifest-a', algorithm: ED25519 }, () => script)).keyId
  token = await Pkcs11Token.open(script.access({ isAlone: () => isAlone }), () => script)
})
afterEach(async () => {
  jest.restoreAllMocks()
  await token.close()
})

/** Which call made the signature of a token that takes so long. */
async function signIn(ms: number): Promise<string> {
  script.onSign = () => (nowMs += ms)
  script.calls.length = 0
  await token.sign(keyId, ED25519, utf8('message'))
  return script.calls.filter((name) => name === 'C_Sign' || name === 'C_SignAsync').join()
}

describe('a token that is asked by one alone', () => {
  it('is waited for while it is quick, and from another thread as soon as it was slow, until it is quick again', async () => {
    expect(await signIn(0.2)).toBe('C_Sign')
    expect(await signIn(30)).toBe('C_Sign')
    expect(await signIn(30)).toBe('C_SignAsync')
    expect(await signIn(0.2)).toBe('C_SignAsync')
    expect(await signIn(0.2)).toBe('C_Sign')
  })

  it('is never waited for by the whole process when there is a device behind it', async () => {
    await token.close()
    script.manufacturer = 'test'
    token = await Pkcs11Token.open(script.access({ isAlone: () => isAlone }), () => script)
    await signIn(0.2)
    expect(await signIn(0.2)).toBe('C_SignAsync')
  })

  it('is asked from another thread after it failed', async () => {
    script.fail('C_Sign', 'CKR_FUNCTION_CANCELED')
    expect(await signIn(0.2)).toBe('C_Sign,C_SignAsync')
    expect(await signIn(0.2)).toBe('C_Sign')
  })
})

describe('a key that one alone signs with again and again', () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  const halves = (): string => script.calls.filter((name) => name.startsWith('C_Sign')).join()
  async function signTwice(): Promise<void> {
    await signIn(0.2)
    await signIn(0.2)
    await turn()
    script.calls.length = 0
  }

  it('has its next signature begun while nobody waits', async () => {
    await signTwice()
    await token.sign(keyId, ED25519, utf8('message'))
    expect(halves()).toBe('C_Sign')
    await turn()
    expect(halves()).toBe('C_Sign,C_SignInit')
    isAlone = false
    await token.sign(keyId, ED25519, utf8('message'))
    await turn()
    expect(halves()).toBe('C_Sign,C_SignInit,C_SignAsync')
  })

  it('is begun once, however many signatures there were since anybody looked', async () => {
    for (let n = 0; n < 4; n += 1) await signIn(0.2)
    script.calls.length = 0
    await turn()
    expect(script.calls).toEqual(['C_SignInit'])
  })

  it('leaves the token to other keys', async () => {
    const other = await generateKey(script.access(), { role: 'krl', algorithm: ED25519 }, () => script)
    await token.close()
    token = await Pkcs11Token.open(script.access({ isAlone: () => isAlone }), () => script)
    await signTwice()
    const message = utf8('message')
    for (const key of [other, { keyId, key: token.keys().find((one) => one.keyId === keyId)?.key ?? other.key }]) {
      const signature = await token.sign(key.keyId, ED25519, message)
      expect(nativeAlgorithms.get(ED25519)?.verify(key.key, message, signature)).toBe(true)
    }
  })

  it('is found again when the session is gone in which it was begun', async () => {
    await signTwice()
    script.lose()
    expect(await token.sign(keyId, ED25519, utf8('message'))).toHaveLength(64)
  })

  it('is not begun where it asks for its PIN each time', async () => {
    script.spoil(CKA.ALWAYS_AUTHENTICATE, true)
    await token.close()
    token = await Pkcs11Token.open(script.access({ isAlone: () => isAlone }), () => script)
    await signTwice()
    expect(halves()).toBe('')
    await token.sign(keyId, ED25519, utf8('message'))
    expect(halves()).toBe('C_SignInit,C_Sign')
  })

  it('is left alone once the token is closed', async () => {
    await signIn(0.2)
    await signIn(0.2)
    script.calls.length = 0
    await token.close()
    await turn()
    expect(halves()).toBe('')
  })
})

describe('a token that several wait for', () => {
  it('is asked from other threads, however quick it is: the others are not kept waiting', async () => {
    expect(await signIn(0.2)).toBe('C_Sign')
    isAlone = false
    expect(await signIn(0.2)).toBe('C_SignAsync')
  })
})
