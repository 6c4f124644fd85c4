/** A lock inside libp2p wants this class, which workerd lacks. An isolate is alone, so nobody is there to hear. */
class NoChannel extends EventTarget {
  postMessage(): void {}
  close(): void {}
}

const platform = globalThis as { BroadcastChannel?: unknown }
platform.BroadcastChannel ??= NoChannel
