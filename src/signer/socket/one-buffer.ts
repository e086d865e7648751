import { Socket, type SocketConstructorOpts } from 'node:net'

/** What every connection reads into: a piece is worked through before anything else is read, by whichever connection. */
const buffer = Buffer.alloc(262_144)

/**
 * The same connection, read into one buffer again and again. A socket takes new memory for each read: a large image came at two
 * thirds of the speed and left more than a hundred megabytes to tidy up. Node offers the other way (`onread`) to sockets that
 * one makes, not to those that a server accepts, so a socket of our own takes the handle over.
 * @param accepted nothing was read from it yet.
 * @param take the piece is there during the call only.
 */
export function readIntoOneBuffer(accepted: Socket, take: (piece: Uint8Array) => void): Socket {
  const shell = accepted as unknown as { _handle?: object | null }
  const handle = shell._handle
  if (handle === undefined || handle === null) {
    // A Node that keeps its handles elsewhere: slower, and all the same.
    accepted.on('data', take)
    return accepted
  }
  shell._handle = null
  accepted.destroy()
  const onread = {
    buffer,
    callback: (count: number, read: Uint8Array): boolean => {
      take(read.subarray(0, count))
      return true
    },
  }
  return new Socket({ handle, onread } as SocketConstructorOpts)
}
