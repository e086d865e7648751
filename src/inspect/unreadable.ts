/** The bytes are not what their format says. Stays inside the inspector: outside it is the state `unreadable`. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable'
}
