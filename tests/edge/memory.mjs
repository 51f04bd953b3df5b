// Keeps the WebAssembly instance of the worker, so that tests can read the size of its memory, and
// find out whether a panic replaced the instance.

const Instance = WebAssembly.Instance
WebAssembly.Instance = class extends Instance {
  constructor(...values) {
    super(...values)
    globalThis.edgeInstance = this
    globalThis.edgeInstances = (globalThis.edgeInstances ?? 0) + 1
  }
}
