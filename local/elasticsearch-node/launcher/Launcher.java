package headrace.launcher;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * Starts one Elasticsearch node: {@code Launcher <home> <config>}.
 *
 * <p>Elasticsearch's own start ({@code org.elasticsearch.bootstrap.Elasticsearch}) wants the agent for entitlements, which
 * is in the distribution and not in Maven Central. What that start does beyond a node is left out here: entitlements, the
 * seccomp filter and the bootstrap checks. The refusal to run as root is kept.
 */
public final class Launcher {
    private static final int GRACE_SECONDS = 10;

    private Launcher() {}

    public static void main(String[] arguments) throws Exception {
        if (Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0)) {
            System.err.println("Elasticsearch does not run as root");
            System.exit(1);
        }
        Environment environment = environment(Path.of(arguments[0]), Path.of(arguments[1]));
        Node node = new Node(environment, plugins(environment));
        CountDownLatch closed = new CountDownLatch(1);
        // Before the start: a node that is asked to end while it starts closes its index files too.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            close(node);
            closed.countDown();
        }));
        node.start();
        closed.await();
    }

    private static Environment environment(Path home, Path config) throws Exception {
        // What reports an error while the logging is not set up yet.
        LogConfigurator.registerErrorListener();
        Settings settings = Settings.builder().put("path.home", home.toString()).build();
        Environment environment = InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), config, () -> "local");
        LogConfigurator.setClusterName(environment.settings().get("cluster.name"));
        LogConfigurator.setNodeName(environment.settings().get("node.name"));
        LogConfigurator.configure(environment, true);
        return environment;
    }

    private static PluginsLoader plugins(Environment environment) throws Exception {
        return PluginsLoader.createPluginsLoader(
            PluginsLoader.loadModulesBundles(environment.modulesDir(), false),
            PluginsLoader.loadPluginsBundles(environment.pluginsDir(), false),
            Map.of(),
            false);
    }

    private static void close(Node node) {
        try {
            node.close();
            node.awaitClose(GRACE_SECONDS, TimeUnit.SECONDS);
        } catch (Exception error) {
            error.printStackTrace();
        }
    }
}
