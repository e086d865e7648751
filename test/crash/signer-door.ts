import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { CborValue } from '../../src/domain/cbor/value.js'
import { Refusal } from '../../src/domain/refusal.js'
import { FrameCutter } from '../../src/protocol/signer-socket-frames.js'
import { decodeRequestBody, encodeAnswerFrame, encodeRefusalFrame } from '../../src/protocol/signer-socket.js'
import type { FleetSigners } from '../support/fleet-signers.js'

/** The socket of an online signer that outlives all servers; what it signed for whom is what the ledger is held against. */
export class SignerDoor {
  /** Devices by the rollout that people signed, however often each was asked for. */
  readonly assigned = new Map<string, number>()
  private readonly sockets = new Set<Socket>()

  private constructor(
    private readonly server: Server,
    private readonly signers: FleetSigners,
    private readonly namespace: string,
  ) {}

  static async open(path: string, signers: FleetSigners, namespace: string): Promise<SignerDoor> {
    const server = createServer()
    const door = new SignerDoor(server, signers, namespace)
    server.on('connection', (socket) => door.serve(socket))
    server.listen(path)
    await once(server, 'listening')
    return door
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
    await once(this.server, 'close')
  }

  private serve(socket: Socket): void {
    const cutter = new FrameCutter()
    this.sockets.add(socket)
    // A server that is killed takes its connection along.
    socket.on('error', () => undefined).on('close', () => this.sockets.delete(socket))
    socket.on('data', (piece: Uint8Array) => {
      cutter.push(new Uint8Array(piece))
      for (let body = cutter.next(); body !== null; body = cutter.next()) {
        const { id, request } = decodeRequestBody(body)
        this.answer(request).then(
          (answer) => socket.write(encodeAnswerFrame(id, answer as never)),
          (error: unknown) => socket.write(encodeRefusalFrame(id, { code: codeOf(error), check: 1 })),
        )
      }
    })
  }

  private async answer(request: ReadonlyMap<string, CborValue>): Promise<object> {
    const bytes = (name: string): Uint8Array => request.get(name) as Uint8Array
    switch (request.get('operation')) {
      case 'freshness':
        return { freshness: await this.signers.freshness(this.namespace, request.get('nonce') as Uint8Array | null) }
      case 'assign': {
        const deviceId = request.get('deviceId') as string
        this.assigned.set(deviceId, (this.assigned.get(deviceId) ?? 0) + 1)
        const [manifestSha256, plan] = [bytes('manifestSha256'), bytes('plan')]
        const asked = { deviceId, manifestSha256, plan, approvals: request.get('approvals') as Uint8Array[] }
        return { assignment: await this.signers.assign(this.namespace, asked as never) }
      }
      default:
        throw new Refusal('SIGNER_UNAVAILABLE', { why: 'not in this test' })
    }
  }
}

const codeOf = (error: unknown): string => (error instanceof Refusal ? error.code : 'INTERNAL')
