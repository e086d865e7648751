import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { ScriptedToken } from '../../test/support/scripted-cryptoki.js'
import { utf8 } from '../domain/bytes.js'
import { ED25519 } from '../domain/cose/algorithms.js'
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

  it('is asked from another thread after it failed', async () => {
    script.fail('C_Sign', 'CKR_FUNCTION_CANCELED')
    expect(await signIn(0.2)).toBe('C_Sign,C_SignAsync')
    expect(await signIn(0.2)).toBe('C_Sign')
  })
})

describe('a token that several wait for', () => {
  it('is asked from other threads, however quick it is: the others are not kept waiting', async () => {
    expect(await signIn(0.2)).toBe('C_Sign')
    isAlone = false
    expect(await signIn(0.2)).toBe('C_SignAsync')
  })
})
