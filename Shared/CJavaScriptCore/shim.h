#include <JavaScriptCore/JavaScript.h>
#include <stdbool.h>

// Exported by the library and declared in its JSContextRefPrivate.h, which Debian's package leaves out.
typedef bool (*JSShouldTerminateCallback)(JSContextRef context, void *data);
void JSContextGroupSetExecutionTimeLimit(
    JSContextGroupRef group, double seconds, JSShouldTerminateCallback callback, void *data);
void JSContextGroupClearExecutionTimeLimit(JSContextGroupRef group);

// Likewise: JSBasePrivate.h. Unlike JSGarbageCollect, it has collected when it returns.
void JSSynchronousGarbageCollectForDebugging(JSContextRef context);
