/** Who may log in to the broker's device listener. */
export abstract class BrokerAccounts {
  /**
   * Gives one device a login, or an existing one a new password. Safe to repeat.
   * @param username `{product}/{env}/d/{deviceId}`: the access rules are made from it, so it fixes every topic it may use.
   * @param password a random secret of the server's making, at least 128 bits. @returns once the broker lets it in.
   * @throws Refusal `REQUEST_INVALID` for a name the broker would read differently, `BROKER_UNAVAILABLE`.
   */
  abstract add(username: string, password: string): Promise<void>

  /**
   * Takes the login away, and all topics from whoever comes with a certificate of that device. Safe to repeat.
   * @returns once the broker has put it out.
   */
  abstract remove(username: string): Promise<void>
}
