import { describe, expect, it } from '@jest/globals'
import { ScriptedToken } from '../../test/support/scripted-cryptoki.js'
import { utf8 } from '../domain/bytes.js'
import { ED25519, nativeAlgorithms } from '../domain/cose/algorithms.js'
import { generateKey } from './generate-key.js'
import { Pkcs11Token } from './pkcs11-token.js'

describe('a token that hangs', () => {
  it('refuses who waits, signs for nobody who was refused, and signs again when it answers', async () => {
    const script = new ScriptedToken()
    const { keyId, key } = await generateKey(script.access(), { role: 'krl', algorithm: ED25519 }, () => script)
    const token = await Pkcs11Token.open(script.access({ answerMs: 50 }), () => script)
    let answer: () => void = () => undefined
    script.hold = new Promise((resolve) => (answer = resolve))
    const before = script.count('C_SignAsync')
    const sign = (text: string): Promise<Uint8Array> => token.sign(keyId, ED25519, utf8(text))
    // One session: the second waits in line.
    const refused = { code: 'TOKEN_FAILED', detail: { step: 'sign', why: 'no answer within 0.05 seconds' } }
    expect(await Promise.allSettled([sign('hanging'), sign('in line')])).toMatchObject([
      { status: 'rejected', reason: refused },
      { status: 'rejected', reason: refused },
    ])
    answer()
    const signature = await sign('again')
    expect(nativeAlgorithms.get(ED25519)?.verify(key, utf8('again'), signature)).toBe(true)
    expect(script.count('C_SignAsync') - before).toBe(2)
    await token.close()
  })
})
