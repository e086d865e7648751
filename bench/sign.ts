import type { Benchmark } from './benchmark.js'
import { assignRow } from './signer/assign-row.js'
import { hashRow } from './signer/hash-row.js'
import { signManyRow, signOneRow } from './signer/sign-rows.js'
import { SignerScene } from './signer/signer-scene.js'

/** Each signs for a class of devices of its own: sequences of one class have to come in order. */
const CLIENTS = 8

export const signBenchmark: Benchmark = {
  name: 'sign',
  about: 'both signers through their sockets, with every check, beside the token, the disk and OpenSSL alone',
  async *rows(size) {
    const scene = await SignerScene.make(CLIENTS + 2)
    try {
      yield await signOneRow(scene, size, CLIENTS)
      yield await signManyRow(scene, size, CLIENTS)
      yield await assignRow(scene, size, CLIENTS + 1)
      yield await hashRow(scene, size)
    } finally {
      await scene.close()
    }
  },
}
