# Packs gems that Debian has installed, compiled parts included, into files that Bundler takes as those of a gem server:
# those that are named, and all that they need.
require "fileutils"
require "rubygems/package"
require "tmpdir"

FOLDER = ARGV.shift

specs = []
wanted = ARGV.map { |name| Gem::Dependency.new(name) }
until wanted.empty?
  spec = wanted.shift.to_spec
  next if specs.include?(spec)

  specs << spec
  wanted.concat(spec.runtime_dependencies)
end

specs.each do |spec|
  # the interpreter brings it along
  next if spec.default_gem? || spec.name == "bundler"

  Dir.mktmpdir do |place|
    if Dir.exist?(spec.full_gem_path)
      FileUtils.cp_r("#{spec.full_gem_path}/.", place)
    else
      path = spec.name.tr("-", "/")
      FileUtils.mkdir_p("#{place}/lib/#{File.dirname(path)}")
      FileUtils.cp_r(Dir["/usr/lib/ruby/vendor_ruby/#{path}{,.rb}"], "#{place}/lib/#{File.dirname(path)}")
      compiled_beside = "#{RbConfig::CONFIG["vendorarchdir"]}/{#{spec.name},#{spec.name[/\w+/]}_*.so}"
      FileUtils.cp_r(Dir[compiled_beside], "#{place}/lib")
    end
    compiled = spec.extensions.any? && Dir.exist?(spec.extension_dir)
    FileUtils.cp_r("#{spec.extension_dir}/.", "#{place}/lib") if compiled
    Dir.chdir(place) do
      packed = Gem::Specification.new do |gem|
        %i[name version summary authors homepage license bindir executables require_paths].each do |field|
          gem.public_send("#{field}=", spec.public_send(field))
        end
        spec.runtime_dependencies.each { |other| gem.add_dependency(other.name, *other.requirement.as_list) }
        gem.files = Dir["**/*"].select { |path| File.file?(path) }
        gem.executables = gem.executables.select { |file| File.exist?("#{gem.bindir}/#{file}") }
      end
      Gem::Package.build(packed, true, false, "#{FOLDER}/#{packed.full_name}.gem")
    end
  end
end
