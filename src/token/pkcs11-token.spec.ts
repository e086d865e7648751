import { mkdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { createScratchToken, type ScratchToken } from '../../test/support/scratch-token.js'
import { utf8 } from '../domain/bytes.js'
import { ED25519, ESP256, nativeAlgorithms, strictAlgorithms } from '../domain/cose/algorithms.js'
import { Refusal } from '../domain/refusal.js'
import { openModule } from './cryptoki-module.js'
import { generateKey } from './generate-key.js'
import { pinFromFile } from './pin-file.js'
import { Pkcs11Token } from './pkcs11-token.js'
import type { SigningAccess } from './token-opening.js'
import { listTokenSlots, requireTokenSlot } from './token-slot.js'
import type { TokenKey } from './token.port.js'

const missing = 'ff'.repeat(32)
let scratch: ScratchToken
let manifest: TokenKey
let krl: TokenKey
let p256: TokenKey

const access = (changed: Partial<SigningAccess> = {}): SigningAccess => ({
  ...scratch,
  keys: [],
  sessions: 8,
  ...changed,
})

async function withToken(
  work: (token: Pkcs11Token) => Promise<void>,
  changed: Partial<SigningAccess> = {},
): Promise<void> {
  const token = await Pkcs11Token.open(access(changed))
  try {
    await work(token)
  } finally {
    await token.close()
  }
}

/** What somebody else in this process could do to our sessions: the way a pulled token looks from here. */
function loseSessions(): void {
  const module = openModule(scratch.modulePath)
  module.cryptoki.C_CloseAllSessions(requireTokenSlot(module.cryptoki, scratch).slot)
  module.release()
}

const messages = (caller: number): Uint8Array[] =>
  Array.from({ length: 50 }, (_, index) => utf8(`message ${index} of caller ${caller}`))

beforeAll(async () => {
  scratch = createScratchToken()
  manifest = await generateKey(scratch, { role: 'manifest-a', algorithm: ED25519 })
  krl = await generateKey(scratch, { role: 'krl', algorithm: ED25519 })
  p256 = await generateKey(scratch, { role: 'device-ca', algorithm: ESP256 })
})
afterAll(() => scratch.dispose())

describe('signing', () => {
  it('gives Ed25519 signatures that two verifiers accept, of one and of 100,000 bytes', () =>
    withToken(async (token) => {
      for (const message of [utf8('a'), new Uint8Array(100_000).fill(7)]) {
        const signature = await token.sign(manifest.keyId, ED25519, message)
        for (const table of [nativeAlgorithms, strictAlgorithms])
          expect(table.get(ED25519)?.verify(manifest.key, message, signature)).toBe(true)
      }
    }))

  it('gives ESP256 signatures as r and s', () =>
    withToken(async (token) => {
      const signature = await token.sign(p256.keyId, ESP256, utf8('a certificate'))
      expect(signature).toHaveLength(64)
      expect(nativeAlgorithms.get(ESP256)?.verify(p256.key, utf8('a certificate'), signature)).toBe(true)
    }))

  it.each([8, 3])('keeps 8 callers with 50 messages each apart over %i sessions', (sessions) =>
    withToken(
      async (token) => {
        const callers = Array.from({ length: 8 }, async (_, caller) => {
          let good = 0
          for (const message of messages(caller)) {
            const key = caller % 2 === 0 ? manifest : krl
            const signature = await token.sign(key.keyId, ED25519, message)
            if (nativeAlgorithms.get(ED25519)?.verify(key.key, message, signature) === true) good += 1
          }
          return good
        })
        expect(await Promise.all(callers)).toEqual(Array.from({ length: 8 }, () => 50))
      },
      { sessions },
    ),
  )

  it('signs what the message was at the time of the call', () =>
    withToken(async (token) => {
      const message = utf8('before')
      const pending = token.sign(manifest.keyId, ED25519, message)
      // The session is lent a microtask later; the bytes are read after that.
      await Promise.resolve()
      message.fill(0)
      expect(nativeAlgorithms.get(ED25519)?.verify(manifest.key, utf8('before'), await pending)).toBe(true)
    }))

  it('refuses a key it does not hold and an algorithm that is not the key’s', () =>
    withToken(async (token) => {
      await expect(token.sign(missing, ED25519, utf8('x'))).rejects.toEqual(
        new Refusal('TOKEN_KEY_MISSING', { keyId: missing }),
      )
      for (const alg of [ESP256, -8, 0])
        await expect(token.sign(manifest.keyId, alg, utf8('x'))).rejects.toEqual(
          new Refusal('ALGORITHM_NOT_ALLOWED', { alg }),
        )
    }))

  it('refuses to sign once it is closed', async () => {
    const token = await Pkcs11Token.open(access())
    await Promise.all([token.close(), token.close()])
    await expect(token.sign(manifest.keyId, ED25519, utf8('x'))).rejects.toEqual(
      new Refusal('TOKEN_FAILED', { step: 'sign', why: 'the token is closed' }),
    )
  })
})

describe('choosing keys', () => {
  it.each<[string, (key: TokenKey) => string]>([
    ['key id', (key) => key.keyId],
    ['label', (key) => key.label],
    ['role', (key) => key.role],
  ])('finds a key by its %s and offers no other', (_, selector) =>
    withToken(
      async (token) => {
        expect(token.keys()).toEqual([krl])
        await expect(token.sign(manifest.keyId, ED25519, utf8('x'))).rejects.toEqual(
          new Refusal('TOKEN_KEY_MISSING', { keyId: manifest.keyId }),
        )
      },
      { keys: [selector(krl)] },
    ),
  )

  it('offers every key of the token without a selector, and finds a successor by its role', async () => {
    await withToken((token) => Promise.resolve(expect(token.keys()).toHaveLength(3)))
    const successor = await generateKey(scratch, { role: 'krl', algorithm: ED25519 })
    await withToken(
      (token) =>
        Promise.resolve(
          expect(
            token
              .keys()
              .map((key) => key.keyId)
              .sort(),
          ).toEqual([krl.keyId, successor.keyId].sort()),
        ),
      { keys: ['krl'] },
    )
  })

  it('refuses to start without a key that was named', async () => {
    await expect(Pkcs11Token.open(access({ keys: ['krl', missing] }))).rejects.toEqual(
      new Refusal('TOKEN_KEY_MISSING', { keyId: missing }),
    )
  })
})

describe('opening', () => {
  it('refuses a wrong PIN in one line that does not hold it', async () => {
    const pinFile = join(scratch.folder, 'wrong-pin')
    writeFileSync(pinFile, '99999999')
    const refusal: unknown = await Pkcs11Token.open(access({ readPin: pinFromFile(pinFile) })).catch(
      (error: unknown) => error,
    )
    expect(refusal).toEqual(new Refusal('TOKEN_PIN', { why: 'the token does not accept this PIN' }))
    for (let error = refusal; error instanceof Error; error = error.cause)
      expect(`${error.message} ${error.stack ?? ''}`).not.toContain('99999999')
    await withToken(async () => {})
  })

  it('refuses an empty PIN file and one that is not there', async () => {
    const pinFile = join(scratch.folder, 'empty-pin')
    writeFileSync(pinFile, '\n')
    await expect(Pkcs11Token.open(access({ readPin: pinFromFile(pinFile) }))).rejects.toEqual(
      new Refusal('TOKEN_PIN', { why: 'the PIN file is empty' }),
    )
    await expect(Pkcs11Token.open(access({ readPin: pinFromFile(`${pinFile}-not`) }))).rejects.toEqual(
      new Refusal('FILE_UNREADABLE', { path: `${pinFile}-not`, why: 'ENOENT' }),
    )
  })

  it('refuses a module that is missing', async () => {
    const modulePath = join(scratch.folder, 'no-such-module.so')
    await expect(Pkcs11Token.open(access({ modulePath }))).rejects.toMatchObject({
      code: 'TOKEN_MODULE',
      detail: { step: 'load the PKCS#11 module', why: expect.stringContaining('no-such-module.so') },
    })
  })

  it('refuses a label that no token has, naming those there are', async () => {
    await expect(Pkcs11Token.open(access({ label: 'other' }))).rejects.toMatchObject({
      code: 'TOKEN_FAILED',
      detail: {
        step: 'find the token',
        why: expect.stringMatching(/^no token "other"; the module has "scratch" \(serial [0-9a-f]{16}\)$/),
      },
    })
  })

  it('names the manufacturer, and refuses SoftHSM where software keys are refused', async () => {
    await withToken((token) => Promise.resolve(expect(token.capabilities.manufacturer).toBe('SoftHSM project')))
    await expect(Pkcs11Token.open(access({ refuseSoftToken: true }))).rejects.toMatchObject({
      code: 'TOKEN_MODULE',
      detail: { step: 'check the manufacturer', why: expect.stringContaining('SoftHSM project') },
    })
  })
})

describe('a token that went away', () => {
  it('is opened again by the signatures that find it gone, once for all of them', () =>
    withToken(async (token) => {
      const module = openModule(scratch.modulePath)
      const logIn = jest.spyOn(module.cryptoki, 'C_Login')
      loseSessions()
      const signatures = await Promise.all(messages(0).map((message) => token.sign(manifest.keyId, ED25519, message)))
      messages(0).forEach((message, index) =>
        expect(nativeAlgorithms.get(ED25519)?.verify(manifest.key, message, signatures[index] ?? message)).toBe(true),
      )
      expect(logIn).toHaveBeenCalledTimes(1)
      logIn.mockRestore()
      module.release()
    }))

  it('is opened again after somebody ended the module', () =>
    withToken(async (token) => {
      const module = openModule(scratch.modulePath)
      module.cryptoki.C_Finalize()
      module.release()
      expect(await token.sign(manifest.keyId, ED25519, utf8('x'))).toHaveLength(64)
    }))

  it('is refused while it is not there, and used again when it is back', () =>
    withToken(async (token) => {
      const module = openModule(scratch.modulePath)
      const [here, away] = ['tokens', 'away'].map((name) => join(scratch.folder, name))
      renameSync(here ?? '', away ?? '')
      mkdirSync(here ?? '')
      module.cryptoki.C_Finalize()
      module.release()
      for (let attempt = 0; attempt < 2; attempt += 1)
        await expect(token.sign(manifest.keyId, ED25519, utf8('x'))).rejects.toEqual(
          new Refusal('TOKEN_FAILED', { step: 'find the token', why: 'no token "scratch"; the module has none' }),
        )
      rmdirSync(here ?? '')
      renameSync(away ?? '', here ?? '')
      expect(await token.sign(manifest.keyId, ED25519, utf8('x'))).toHaveLength(64)
    }))

  it('is opened again after a log-out', () =>
    withToken(async (token) => {
      const module = openModule(scratch.modulePath)
      const session = module.cryptoki.C_OpenSession(requireTokenSlot(module.cryptoki, scratch).slot, 4)
      module.cryptoki.C_Logout(session)
      module.cryptoki.C_CloseSession(session)
      module.release()
      expect(await token.sign(manifest.keyId, ED25519, utf8('x'))).toHaveLength(64)
    }))

  it('fails as long as it cannot be opened, and works again afterwards', async () => {
    const pinFile = join(scratch.folder, 'moving-pin')
    writeFileSync(pinFile, scratch.pin)
    await withToken(
      async (token) => {
        rmSync(pinFile)
        loseSessions()
        for (let attempt = 0; attempt < 2; attempt += 1)
          await expect(token.sign(manifest.keyId, ED25519, utf8('x'))).rejects.toEqual(
            new Refusal('FILE_UNREADABLE', { path: pinFile, why: 'ENOENT' }),
          )
        writeFileSync(pinFile, scratch.pin)
        expect(await token.sign(manifest.keyId, ED25519, utf8('x'))).toHaveLength(64)
      },
      { readPin: pinFromFile(pinFile) },
    )
  })

  it('does not try a refused PIN a second time, so that the token does not lock itself', async () => {
    const pinFile = join(scratch.folder, 'changed-pin')
    writeFileSync(pinFile, scratch.pin)
    await withToken(
      async (token) => {
        writeFileSync(pinFile, '99999999')
        loseSessions()
        const refused = new Refusal('TOKEN_PIN', { why: 'the token does not accept this PIN' })
        await expect(token.sign(manifest.keyId, ED25519, utf8('x'))).rejects.toEqual(refused)
        // Even a right PIN is not tried before a restart: whoever mends the file restarts the signer.
        writeFileSync(pinFile, scratch.pin)
        await expect(token.sign(manifest.keyId, ED25519, utf8('x'))).rejects.toEqual(refused)
      },
      { readPin: pinFromFile(pinFile) },
    )
  })
})

it('leaves the module as it was when the last user is gone', () => {
  const module = openModule(scratch.modulePath)
  expect(listTokenSlots(module.cryptoki).filter((token) => token.initialized)).toHaveLength(1)
  module.release()
  module.release()
  expect(() => module.cryptoki.C_GetSlotList(true)).toThrow('CKR_CRYPTOKI_NOT_INITIALIZED')
})
